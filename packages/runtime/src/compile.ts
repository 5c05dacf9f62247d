/** From a traced graph to a plan for one backend profile. */

import type { BackendProfile } from './backend/profile.js';
import type { Graph } from './graph/graph.js';
import { lower } from './lower/lower.js';
import { buildPlan, type PlanOptions } from './plan/build.js';
import type { Plan } from './plan/plan.js';

export type CompileOptions = PlanOptions;

/**
 * Lower a graph and lay it out.
 * @param profile - of the backend that will run it; no device is needed.
 * @returns a plan: plain data, cacheable by shape.
 */
export function compile(graph: Graph, profile: BackendProfile, options: CompileOptions = {}): Plan {
  return buildPlan(lower(graph, profile), profile, options);
}
