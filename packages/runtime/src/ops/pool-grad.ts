/** Reverse rule of `pool`. The maximum is found again; among equals the first in D, H, W order gets the gradient. Operands x, dy; the result has the dtype of dy (x may be fixed-point). */

import { elementCount } from '../graph/shape.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = {
  kind: ['max', 'avg'],
  kernel: 'ints',
  stride: 'ints',
  padBefore: 'ints',
  padAfter: 'ints',
  countPadding: 'bool',
} as const satisfies AttrSchema;

export const poolGradOp: OpDefinition<typeof attrs> = {
  name: 'poolGrad',
  attrs,
  infer: ({ inputs, fail }) =>
    inputs.length === 2 ? [{ shape: inputs[0]!.shape, dtype: inputs[1]!.dtype }] : fail('expects x and dy'),
  flops: ({ inputs, attrs: a }) => elementCount(inputs[1]!.shape) * elementCount(a.kernel),
};
