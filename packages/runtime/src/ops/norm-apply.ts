/**
 * The second half of a norm, from statistics that are given: y = act(gamma * (x - mean) * rstd + beta), act a leaky ReLU
 * of `slope` (1: none). To the same bits as `norm` and `normAct` with these statistics, which the memory pass relies on
 * when it makes a normalised tensor again. Operands x, gamma, beta, mean, rstd, and the exponent when x is fixed-point.
 */

import { elementCount, sameShape } from '../graph/shape.js';
import { checkGridOperand, GRID_RESULTS, gridResult } from './fixed-point.js';
import { inferNorm, NORM_MODES } from './norm.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = {
  mode: NORM_MODES,
  groups: 'int',
  slope: 'float',
  /** dtype of y. */
  to: GRID_RESULTS,
} as const satisfies AttrSchema;

export const normApplyOp: OpDefinition<typeof attrs> = {
  name: 'normApply',
  attrs,
  infer(call) {
    const { inputs, attrs: a, fail } = call;
    const [x, gamma, beta, mean, rstd] = inputs;
    if (!x || !gamma || !beta || !mean || !rstd) return fail('expects x, gamma, beta, mean and rstd');
    // The shapes that the norm itself would have had.
    const [y, statistic] = inferNorm({ ...call, inputs: [x, gamma, beta], attrs: { ...a, eps: 1 } });
    for (const given of [mean, rstd])
      if (!sameShape(given.shape, statistic!.shape)) fail(`mean and rstd must be [${statistic!.shape.join(', ')}]`);
    checkGridOperand(call, 5);
    return [{ shape: y!.shape, dtype: gridResult(call, a.to) }];
  },
  inPlace: () => [[0, 0]],
  flops: ({ inputs }) => 4 * elementCount(inputs[0]!.shape),
};
