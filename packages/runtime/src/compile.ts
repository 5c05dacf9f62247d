/** From a traced graph to a plan for one backend profile. */

import type { BackendProfile } from './backend/profile.js';
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
 * @throws OutOfMemoryError when a budget is given that no choice fits.
 */
export function compile(graph: Graph, profile: BackendProfile, options: CompileOptions = {}): Plan {
  let known = lowered.get(graph);
  if (known?.profile !== profile) {
    known = { profile, graph: lower(graph, profile) };
    lowered.set(graph, known);
  }
  return planMemory(known.graph, profile, options);
}
