/** Removes nodes whose results reach neither an output nor persistent state. */

import type { Graph, ValueId } from '../graph/graph.js';
import type { OpDefinition } from '../ops/op.js';
import { OPS } from '../ops/registry.js';
import { Rewriter } from './rewrite.js';

export function removeDeadCode(graph: Graph): Graph {
  const wanted = new Set<ValueId>(graph.outputs.map((o) => o.value));
  const keep = new Set<number>();
  for (const node of [...graph.nodes].reverse()) {
    const op: OpDefinition = OPS[node.op];
    if (op.effect !== 'state' && op.effect !== 'check' && !node.outputs.some((v) => wanted.has(v))) continue;
    keep.add(node.id);
    for (const v of node.inputs) wanted.add(v);
  }
  if (keep.size === graph.nodes.length) return graph;
  const rewriter = new Rewriter(graph);
  for (const node of graph.nodes) if (keep.has(node.id)) rewriter.copy(node);
  return rewriter.finish();
}
