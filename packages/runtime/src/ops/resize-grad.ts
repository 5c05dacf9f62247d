/** Reverse rule of `resize`: dx of spatial `size` gathers from dy what its voxels gave, in a fixed order. Operand dy. */

import { elementCount } from '../graph/shape.js';
import { checkSpatial } from './conv-shape.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = { mode: ['nearest', 'linear'], size: 'ints' } as const satisfies AttrSchema;

export const resizeGradOp: OpDefinition<typeof attrs> = {
  name: 'resizeGrad',
  attrs,
  infer(call) {
    const dy = call.inputs[0]!;
    checkSpatial(call, dy.shape.length - 2, { size: call.attrs.size }, { size: 1 });
    return [{ shape: [dy.shape[0]!, dy.shape[1]!, ...call.attrs.size], dtype: dy.dtype }];
  },
  flops: ({ inputs, attrs: { mode, size } }) =>
    elementCount(inputs[0]!.shape) * (mode === 'linear' ? 2 ** (size.length + 1) : 1),
};
