/** A node as a backend profile sees it. */

import type { Graph, GraphNode } from '../graph/graph.js';
import type { KernelQuery } from '../backend/profile.js';

export function queryOf(
  graph: Graph,
  node: Pick<GraphNode, 'op' | 'attrs' | 'inputs'> & { readonly outputs: readonly number[] },
): KernelQuery {
  return {
    op: node.op,
    attrs: node.attrs,
    inputs: node.inputs.map((v) => graph.values[v]!.type),
    outputs: node.outputs.map((v) => graph.values[v]!.type),
  } as KernelQuery;
}
