/** Sum or mean over axes, accumulated in fp32 or better in a fixed order. With keepDims the axes stay with size 1. */

import { elementCount, sameShape, type Shape } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import { broadcastTo } from './broadcast.js';
import type { OpDefinition } from './op.js';
import { reshape } from './reshape.js';
import { scale } from './scale.js';
import type { AttrSchema } from './schema.js';

const attrs = { kind: ['sum', 'mean'], axes: 'ints', keepDims: 'bool' } as const satisfies AttrSchema;

export const reduceOp: OpDefinition<typeof attrs> = {
  name: 'reduce',
  attrs,
  infer({ inputs, attrs: { axes, keepDims }, fail }) {
    const x = inputs[0];
    if (!x || inputs.length !== 1) return fail('expects one operand');
    const rank = x.shape.length;
    if (new Set(axes).size !== axes.length || axes.some((a) => a < 0 || a >= rank))
      fail(`axes [${axes.join(', ')}] must be distinct and in 0..${rank - 1}`);
    const shape = keepDims
      ? x.shape.map((s, i) => (axes.includes(i) ? 1 : s))
      : x.shape.filter((_, i) => !axes.includes(i));
    return [{ shape, dtype: x.dtype }];
  },
  gradient({ inputs, grads, attrs: { kind, axes } }) {
    const { shape } = inputs[0]!;
    const kept = shape.map((s, i) => (axes.includes(i) ? 1 : s));
    const count = axes.reduce((n, a) => n * shape[a]!, 1);
    const dy = kind === 'mean' ? scale(grads[0]!, 1 / count) : grads[0]!;
    return [broadcastTo(reshape(dy, kept), shape)];
  },
  flops: ({ inputs }) => elementCount(inputs[0]!.shape),
};

export interface ReduceOptions {
  /** Axes summed over; default all. */
  readonly axes?: readonly number[];
  /** Keep the axes with size 1; default false. */
  readonly keepDims?: boolean;
}

/** Sum over axes. */
export function sum(x: Tensor, options: ReduceOptions = {}): Tensor {
  return x.graph.emit('reduce', [x], {
    kind: 'sum',
    axes: options.axes ?? x.shape.map((_, i) => i),
    keepDims: options.keepDims ?? false,
  })[0]!;
}

/** Mean over axes. */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  return x.graph.emit('reduce', [x], {
    kind: 'mean',
    axes: options.axes ?? x.shape.map((_, i) => i),
    keepDims: options.keepDims ?? false,
  })[0]!;
}

/** Sum a gradient back to the shape an operand had before broadcasting. @internal */
export function reduceTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  if (shape.length === 0) return sum(x);
  return sum(x, { axes: shape.map((_, i) => i).filter((i) => shape[i] === 1 && x.shape[i] !== 1), keepDims: true });
}
