/** Replaces fused operations the backend has no kernel for by the operations they stand for. */

import type { Graph } from '../graph/graph.js';
import type { BackendProfile } from '../backend/profile.js';
import type { OpDefinition } from '../ops/op.js';
import { OPS } from '../ops/registry.js';
import { Rewriter } from './rewrite.js';

export function expandFused(graph: Graph, profile: BackendProfile): Graph {
  const foreign = graph.nodes.filter((n) => (OPS[n.op] as OpDefinition).expand && !profile.fusions.has(n.op));
  if (foreign.length === 0) return graph;
  const ids = new Set(foreign.map((n) => n.id));
  const rewriter = new Rewriter(graph);
  for (const node of graph.nodes) {
    if (!ids.has(node.id)) {
      rewriter.copy(node);
      continue;
    }
    const op: OpDefinition = OPS[node.op];
    const inputs = node.inputs.map((v) => rewriter.get(v));
    const place = { path: node.name, region: node.region, phase: node.phase, order: node.order };
    const outputs = rewriter.builder.at(place, () => op.expand!(inputs, node.attrs as never));
    node.outputs.forEach((v, i) => rewriter.set(v, outputs[i]!));
  }
  return rewriter.finish();
}
