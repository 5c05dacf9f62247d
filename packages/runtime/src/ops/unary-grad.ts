/** Reverse rule of `unary`: dx = f'(x) * dy. Operands x, dy; at x = 0 leakyRelu uses the slope, abs uses 0. */

import { sameShape, elementCount } from '../graph/shape.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';
import { UNARY_KINDS } from './unary.js';

const attrs = { kind: UNARY_KINDS, slope: 'float' } as const satisfies AttrSchema;

export const unaryGradOp: OpDefinition<typeof attrs> = {
  name: 'unaryGrad',
  attrs,
  infer({ inputs, fail }) {
    const [x, dy] = inputs;
    if (!x || !dy || !sameShape(x.shape, dy.shape)) return fail('expects x and dy of one shape');
    return [x];
  },
  inPlace: () => [
    [0, 1],
    [0, 0],
  ],
  flops: ({ outputs }) => 3 * elementCount(outputs[0]!.shape),
};
