/** From a traced graph to a plan for one backend profile. */

import type { BackendProfile } from './backend/profile.js';
import { DTypeError } from './errors.js';
import type { Graph } from './graph/graph.js';
import { lower } from './lower/lower.js';
import { planMemory } from './memory/choose.js';
import type { MemoryOptions } from './memory/options.js';
import type { PlanOptions } from './plan/build.js';
import type { Plan } from './plan/plan.js';

export type CompileOptions = PlanOptions & MemoryOptions;

/** Lowered graphs by profile: another memory choice for the same network starts from the same kernels. */
const lowered = new WeakMap<Graph, { readonly profile: BackendProfile; readonly graph: Graph }>();

/**
 * Lower a graph, choose where the values of the backward pass come from, and lay it out.
 * @param profile - of the backend that will run it; no device is needed.
 * @param options.memory - keep, recompute, invert, or auto with `budgetBytes`.
 * @returns a plan: plain data, cacheable by shape.
 * @throws DTypeError when the backend has no kernels for an element type; OutOfMemoryError when a budget is given that no choice fits.
 */
export function compile(graph: Graph, profile: BackendProfile, options: CompileOptions = {}): Plan {
  let known = lowered.get(graph);
  if (known?.profile !== profile) {
    const refused = refusalOf(graph, profile);
    if (refused) throw refused;
    known = { profile, graph: lower(graph, profile) };
    lowered.set(graph, known);
  }
  return planMemory(known.graph, profile, options);
}

/** Why a backend cannot run a graph: the first value of an element type that it refuses. */
export function refusalOf(graph: Graph, { name, refuses }: BackendProfile): DTypeError | undefined {
  if (!refuses) return undefined;
  for (const { type, origin } of graph.values) {
    const remedy = refuses[type.dtype];
    if (remedy === undefined) continue;
    const value = origin.kind === 'node' ? graph.nodes[origin.node]!.name : origin.name;
    return new DTypeError(type.dtype, name, value, remedy);
  }
  return undefined;
}
