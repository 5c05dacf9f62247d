/**
 * Fused kernel: norm, then leaky ReLU (slope 0: ReLU). Defined by its expansion. Keeps x and the statistics for the
 * backward pass, not the normalised tensor. Operands and results as `norm`.
 */

import { elementCount } from '../graph/shape.js';
import { inferNorm, NORM_MODES, normWithStatistics } from './norm.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';
import { leakyRelu } from './unary.js';

const attrs = { mode: NORM_MODES, groups: 'int', eps: 'float', slope: 'float' } as const satisfies AttrSchema;

export const normActOp: OpDefinition<typeof attrs> = {
  name: 'normAct',
  attrs,
  infer: (call) => inferNorm(call),
  inPlace: () => [[0, 0]],
  flops: ({ inputs }) => 8 * elementCount(inputs[0]!.shape),
  expand([x, gamma, beta], { mode, groups, eps, slope }) {
    const { y, mean, rstd } = normWithStatistics(x!, gamma!, beta!, { mode, groups, eps });
    return [leakyRelu(y, slope), mean, rstd];
  },
};
