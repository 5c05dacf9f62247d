/**
 * A norm that reads a fixed-point stream reads the integers themselves: `dequantize` before `normAct` and `normActGrad`
 * goes into the kernel, so that no float copy of the stream is ever made. A copy in bf16 would have been rounded; the kernel
 * reads the integers as fp32.
 */

import type { Graph, GraphNode, ValueId } from '../graph/graph.js';
import { Rewriter } from './rewrite.js';

type NodeOf<K extends GraphNode['op']> = Extract<GraphNode, { op: K }>;

export function fuseQuantizedNorm(graph: Graph): Graph {
  const made = new Map<ValueId, NodeOf<'dequantize'>>();
  for (const node of graph.nodes) if (node.op === 'dequantize') made.set(node.outputs[0]!, node);
  const fused = (node: GraphNode): NodeOf<'dequantize'> | undefined =>
    node.op === 'normAct' || node.op === 'normActGrad' ? made.get(node.inputs[0]!) : undefined;
  if (!graph.nodes.some(fused)) return graph;
  const rewriter = new Rewriter(graph);
  for (const node of graph.nodes) {
    const source = fused(node);
    if (!source) {
      rewriter.copy(node);
      continue;
    }
    const [k, exponent] = source.inputs.map((v) => rewriter.get(v));
    const inputs = [k!, ...node.inputs.slice(1).map((v) => rewriter.get(v)), exponent!];
    if (node.op === 'normAct') rewriter.copy(node, { inputs, attrs: { ...node.attrs, to: source.attrs.to } });
    else rewriter.copy(node, { inputs });
  }
  return rewriter.finish();
}
