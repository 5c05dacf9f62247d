/**
 * Lowering: from a traced graph to the operations one backend runs. Fusions and weight forms are chosen from
 * operation, shapes and profile alone, before any memory choice, so that every choice runs the very same kernels.
 */

import type { BackendProfile } from '../backend/profile.js';
import type { Graph } from '../graph/graph.js';
import { verifyGraph } from '../graph/verify.js';
import { removeDeadCode } from './dead-code.js';
import { expandFused } from './expand.js';
import { fuseNormAct } from './fuse-norm-act.js';
import { fuseQuantizedNorm } from './fuse-quantized-norm.js';
import { packConvWeights } from './pack-weights.js';

interface Pass {
  readonly name: string;
  readonly run: (graph: Graph, profile: BackendProfile) => Graph;
}

const PASSES: readonly Pass[] = [
  { name: 'removeDeadCode', run: removeDeadCode },
  { name: 'expandFused', run: expandFused },
  {
    name: 'fuseNormAct',
    run: (graph, profile) =>
      profile.fusions.has('normAct') && profile.fusions.has('normActGrad') ? fuseNormAct(graph) : graph,
  },
  {
    name: 'fuseQuantizedNorm',
    run: (graph, profile) =>
      profile.fusions.has('normAct') && profile.fusions.has('normActGrad') ? fuseQuantizedNorm(graph) : graph,
  },
  { name: 'removeDeadCode', run: removeDeadCode },
  { name: 'packConvWeights', run: packConvWeights },
];

/** Run all passes; the graph is verified after each (a few milliseconds for a usual network). */
export function lower(graph: Graph, profile: BackendProfile): Graph {
  verifyGraph(graph, 'trace');
  return PASSES.reduce((current, pass) => {
    const next = pass.run(current, profile);
    if (next !== current) verifyGraph(next, pass.name);
    return next;
  }, graph);
}
