/** Sum of the squares of all elements of all operands, scalar f32: the global gradient norm before its root. Accumulated in float64, fixed order. */

import { elementCount } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = {} as const satisfies AttrSchema;

export const sumSquaresOp: OpDefinition<typeof attrs> = {
  name: 'sumSquares',
  attrs,
  infer: ({ inputs, fail }) =>
    inputs.length > 0 ? [{ shape: [], dtype: 'f32' }] : fail('expects at least one operand'),
  flops: ({ inputs }) => inputs.reduce((n, t) => n + 2 * elementCount(t.shape), 0),
};

/** Sum of squares over a list of tensors. */
export function sumSquares(tensors: readonly Tensor[]): Tensor {
  return tensors[0]!.graph.emit('sumSquares', tensors, {})[0]!;
}
