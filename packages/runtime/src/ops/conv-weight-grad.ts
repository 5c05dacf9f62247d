/**
 * Gradient of a convolution with respect to its weights (and bias):
 *
 * dw[o, i, t] = sum over n, p of dy[n, o, p] * x[n, i, p * stride - padBefore + t * dilation];  db[o] = sum dy[n, o, p]
 *
 * Operands: x pieces, dy. Results: dw [Co, Ci / groups, ...kernel] f32, db [Co] f32 if `bias`. Fixed order of sums.
 */

import { elementCount } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import type { OpDefinition, TensorType } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = {
  kernel: 'ints',
  stride: 'ints',
  padBefore: 'ints',
  dilation: 'ints',
  groups: 'int',
  pieces: 'int',
  bias: 'bool',
} as const satisfies AttrSchema;

export const convWeightGradOp: OpDefinition<typeof attrs> = {
  name: 'convWeightGrad',
  attrs,
  infer({ inputs, attrs: a, fail }) {
    if (inputs.length !== a.pieces + 1) fail(`expects ${a.pieces} pieces and dy`);
    const dy = inputs[a.pieces]!;
    const channels = inputs.slice(0, a.pieces).reduce((sum, t) => sum + t.shape[1]!, 0);
    if (channels % a.groups || dy.shape[1]! % a.groups) fail(`groups ${a.groups} must divide the channels`);
    const dw: TensorType = { shape: [dy.shape[1]!, channels / a.groups, ...a.kernel], dtype: 'f32' };
    return a.bias ? [dw, { shape: [dy.shape[1]!], dtype: 'f32' }] : [dw];
  },
  flops({ inputs, outputs, attrs: a }) {
    const dy = inputs[a.pieces]!;
    return (2 * elementCount(outputs[0]!.shape) * elementCount(dy.shape)) / dy.shape[1]!;
  },
};

/** Emits the weight (and bias) gradient of a convolution with attributes `a`. @internal */
export function convWeightGrad(
  pieces: readonly Tensor[],
  dy: Tensor,
  a: {
    readonly kernel: readonly number[];
    readonly stride: readonly number[];
    readonly padBefore: readonly number[];
    readonly dilation: readonly number[];
    readonly groups: number;
  },
  bias: boolean,
): Tensor[] {
  const { kernel, stride, padBefore, dilation, groups } = a;
  return dy.graph.emit('convWeightGrad', [...pieces, dy], {
    kernel,
    stride,
    padBefore,
    dilation,
    groups,
    pieces: pieces.length,
    bias,
  });
}
