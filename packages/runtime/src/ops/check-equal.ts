/**
 * Stop the run unless two checksums are equal: what a reversible sequence rebuilt is then not what it was given, and no
 * gradient of it may be used. Kernels throw ERR_CHECKSUM with the node's name, which is the sequence's. Operands a, b
 * (u32, same shape), no results that anyone reads: f32 scalar 0.
 */

import { sameShape } from '../graph/shape.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = {} as const satisfies AttrSchema;

export const checkEqualOp: OpDefinition<typeof attrs> = {
  name: 'checkEqual',
  attrs,
  infer({ inputs, fail }) {
    const [a, b] = inputs;
    if (!a || !b || inputs.length !== 2 || a.dtype !== 'u32' || b.dtype !== 'u32' || !sameShape(a.shape, b.shape))
      return fail('expects two u32 tensors of one shape');
    return [{ shape: [], dtype: 'f32' }];
  },
  effect: 'check',
  flops: () => 0,
};
