/**
 * Gradient of a coupling's float operand: dy where the integer q that was added has |q| < L (fixed-point.ts), 0 where f was
 * clamped. (A NaN in f gives q = 0, which lets dy pass; it is counted by the coupling.) q can be had in two ways, which
 * agree to the bit, so that the memory pass may choose by what is there:
 *
 *   from f       operands f, dy (same dtype), exponent [1]: q by the rule of fixed-point.ts
 *   from states  operands k, k' (q16 or q32: the coupling's operand and result), dy: q = k' - k, wrapped to the dtype
 *
 * `to` is the dtype of the stream; the result has the dtype of dy.
 */

import { sameShape } from '../graph/shape.js';
import { checkExponent, FIXED } from './fixed-point.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = { to: FIXED, from: ['f', 'states'] } as const satisfies AttrSchema;

export const coupleGradOp: OpDefinition<typeof attrs> = {
  name: 'coupleGrad',
  attrs,
  infer(call) {
    const { inputs, attrs: a, fail } = call;
    const [first, second, third] = inputs;
    if (!first || !second || !third || inputs.length !== 3) return fail('expects three operands');
    if (a.from === 'f') {
      if (!sameShape(first.shape, second.shape) || first.dtype !== second.dtype)
        fail('f and dy must have one shape and dtype');
      checkExponent(call, third);
      return [second];
    }
    if (first.dtype !== a.to || second.dtype !== a.to) fail(`both states must be ${a.to}`);
    if (!sameShape(first.shape, third.shape) || !sameShape(second.shape, third.shape))
      fail('the states and dy must have one shape');
    return [third];
  },
  inPlace: ({ attrs: { from } }) =>
    from === 'f'
      ? [
          [0, 0],
          [0, 1],
        ]
      : [[0, 2]],
};
