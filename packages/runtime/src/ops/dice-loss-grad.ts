/**
 * Reverse rule of `diceLoss`: with D = max(P + Y + smooth, 1e-8) and M terms in the mean,
 * dp = -dloss / M * (2 y / D - (2 I + smooth) / D^2 * [P + Y + smooth > 1e-8]). Operands p, labels, sums, dloss.
 */

import { elementCount } from '../graph/shape.js';
import { checkLabels } from './labels.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = { batch: 'bool', background: 'bool', smooth: 'float', ignore: 'int' } as const satisfies AttrSchema;

export const diceLossGradOp: OpDefinition<typeof attrs> = {
  name: 'diceLossGrad',
  attrs,
  infer({ inputs, fail }) {
    checkLabels(inputs[0], inputs[1], fail);
    if (inputs.length !== 4) fail('expects probabilities, labels, sums, dloss');
    return [inputs[0]!];
  },
  inPlace: () => [[0, 0]],
  flops: ({ inputs }) => 2 * elementCount(inputs[0]!.shape),
};
