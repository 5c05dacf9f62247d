/** Reverse rule of `softmax` from its result p: dx = p * (dp - sum over channels of p * dp). Operands p, dp. */

import { elementCount, sameShape } from '../graph/shape.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = {} as const satisfies AttrSchema;

export const softmaxGradOp: OpDefinition<typeof attrs> = {
  name: 'softmaxGrad',
  attrs,
  infer({ inputs, fail }) {
    const [p, dp] = inputs;
    return p && dp && sameShape(p.shape, dp.shape) ? [p] : fail('expects p and dp of one shape');
  },
  inPlace: () => [
    [0, 1],
    [0, 0],
  ],
  flops: ({ inputs }) => 4 * elementCount(inputs[0]!.shape),
};
