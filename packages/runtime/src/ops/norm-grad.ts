/**
 * Reverse rule of `norm`. With xhat = (x - mean) * rstd, g = gamma * dy and averages over each statistics group:
 *
 * dx = rstd * (g - mean(g) - xhat * mean(g * xhat));  dgamma = sum dy * xhat;  dbeta = sum dy
 *
 * Operands x, gamma, mean, rstd, dy. Results dx, dgamma [C], dbeta [C].
 */

import { elementCount } from '../graph/shape.js';
import { NORM_MODES } from './norm.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = { mode: NORM_MODES, groups: 'int', eps: 'float' } as const satisfies AttrSchema;

export const normGradOp: OpDefinition<typeof attrs> = {
  name: 'normGrad',
  attrs,
  infer({ inputs, fail }) {
    if (inputs.length !== 5) return fail('expects x, gamma, mean, rstd, dy');
    const affine = { shape: [inputs[0]!.shape[1]!], dtype: 'f32' } as const;
    return [inputs[0]!, affine, affine];
  },
  inPlace: () => [
    [0, 4],
    [0, 0],
  ],
  flops: ({ inputs }) => 11 * elementCount(inputs[0]!.shape),
};
