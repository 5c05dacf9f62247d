/** A convolution call as the kernels see it: the sizes of `ConvShape` in native/kernels/conv.h, from a plan's query. */

import type { KernelQuery, Shape } from '@revoxel/runtime';

/** Which pass of a convolution a call is; the numbers are those of `Pass` in native/kernels/conv.h. */
export const PASS = { conv: 0, convTranspose: 1, convWeightGrad: 2 } as const;

export type ConvQuery = Extract<KernelQuery, { op: keyof typeof PASS }>;

/** True for the three convolution operations. */
export function isConvolution(query: KernelQuery): query is ConvQuery {
  return query.op in PASS;
}

/** Sizes as three spatial numbers; two get `first` in front. */
function triple(list: readonly number[], first: number): readonly number[] {
  return list.length === 2 ? [first, ...list] : list;
}

/** N, C, D, H, W. */
function five(shape: Shape): readonly number[] {
  return [shape[0]!, shape[1]!, ...triple(shape.slice(2), 1)];
}

/** Input channels of every piece (forward, weight gradient), or of the slice (input gradient). */
export function pieceChannels(query: ConvQuery): readonly number[] {
  if (query.op === 'convTranspose') return [query.attrs.channelCount];
  return query.inputs.slice(0, query.attrs.pieces).map((t) => t.shape[1]!);
}

/** The 22 numbers of `ConvShape`, seen from the convolution's forward direction. */
export function convShape(query: ConvQuery): readonly number[] {
  const { attrs } = query;
  const [x, y] =
    query.op === 'convTranspose'
      ? [query.outputs[0]!.shape, query.inputs[0]!.shape]
      : query.op === 'conv'
        ? [query.inputs[0]!.shape, query.outputs[0]!.shape]
        : [query.inputs[0]!.shape, query.inputs[query.attrs.pieces]!.shape];
  const ci =
    query.op === 'convTranspose' ? query.attrs.inChannels : pieceChannels(query).reduce((sum, c) => sum + c, 0);
  const [n, , ...input] = five(x);
  const [, co, ...output] = five(y);
  return [
    n!,
    ci,
    ...input,
    co!,
    ...output,
    ...triple(attrs.kernel, 1),
    ...triple(attrs.stride, 1),
    ...triple(attrs.padBefore, 0),
    ...triple(attrs.dilation, 1),
    attrs.groups,
  ];
}
