/**
 * Convolutions read their weights in the form the backend wants: a derived persistent value, made once per change of
 * the parameter and shared by all plans. Weights that are not parameters stay plain.
 */

import type { Graph } from '../graph/graph.js';
import type { BackendProfile } from '../backend/profile.js';
import { queryOf } from './query.js';
import { Rewriter } from './rewrite.js';

export function packConvWeights(graph: Graph, profile: BackendProfile): Graph {
  const rewriter = new Rewriter(graph);
  let changed = false;
  for (const node of graph.nodes) {
    if ((node.op !== 'conv' && node.op !== 'convTranspose') || node.attrs.form === 'packed') {
      rewriter.copy(node);
      continue;
    }
    const slot = node.op === 'conv' ? node.attrs.pieces : 1;
    const weights = graph.values[node.inputs[slot]!]!;
    const elements = weights.origin.kind === 'parameter' ? profile.packedElements(queryOf(graph, node)) : 0;
    if (elements === 0 || weights.origin.kind !== 'parameter') {
      rewriter.copy(node);
      continue;
    }
    const inChannels = weights.type.shape[1]! * node.attrs.groups;
    const slice =
      node.op === 'conv'
        ? ({ form: 'forward', channelBegin: 0, channelCount: inChannels } as const)
        : ({
            form: 'inputGrad',
            channelBegin: node.attrs.channelBegin,
            channelCount: node.attrs.channelCount,
          } as const);
    const { groups, stride } = node.attrs;
    const activations = graph.values[node.inputs[0]!]!.type.dtype;
    const name = [
      weights.origin.name,
      slice.form,
      `s${stride.join('x')}`,
      `g${groups}`,
      `c${slice.channelBegin}+${slice.channelCount}`,
      // A plan in bf16 may want another form than one in f32 in the same session, and one in f16 a third.
      `e${elements}`,
      ...(activations === 'f16' ? ['f16'] : []),
    ].join(':');
    const packed = rewriter.builder.derived(name, 'packWeights', [rewriter.get(weights.id)], {
      ...slice,
      groups,
      stride,
      elements,
      activations,
    } as never);
    const inputs = node.inputs.map((v, i) => (i === slot ? packed : rewriter.get(v)));
    rewriter.copy(node, { inputs, attrs: { ...node.attrs, form: 'packed' } as never });
    changed = true;
  }
  return changed ? rewriter.finish() : graph;
}
