/**
 * The second half of a norm, from statistics that are given: y = act(gamma * (x - mean) * rstd + beta), act a leaky ReLU
 * of `slope` (1: none). To the same bits as `norm` and `normAct` with these statistics, which the memory pass relies on
 * when it makes a normalised tensor again. Operands x, gamma, beta, mean, rstd, and the exponent when x is fixed-point.
 */

import { isFixed } from '../graph/dtype.js';
import { elementCount } from '../graph/shape.js';
import { checkExponent } from './fixed-point.js';
import { NORM_MODES } from './norm.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = {
  mode: NORM_MODES,
  groups: 'int',
  slope: 'float',
  /** dtype of y; `same` as x, which a fixed-point x cannot be. */
  to: ['same', 'f32', 'bf16'],
} as const satisfies AttrSchema;

export const normApplyOp: OpDefinition<typeof attrs> = {
  name: 'normApply',
  attrs,
  infer(call) {
    const { inputs, attrs: a, fail } = call;
    const [x, gamma, beta, mean, rstd, exponent] = inputs;
    if (!x || !gamma || !beta || !mean || !rstd) return fail('expects x, gamma, beta, mean and rstd');
    if (inputs.length !== (isFixed(x.dtype) ? 6 : 5))
      fail('expects the exponent of the grid if, and only if, x is fixed-point');
    if (isFixed(x.dtype)) checkExponent(call, exponent);
    if (isFixed(x.dtype) === (a.to === 'same')) fail(`a result "${a.to}" does not go with x of ${x.dtype}`);
    return [{ shape: x.shape, dtype: a.to === 'same' ? x.dtype : a.to }];
  },
  inPlace: () => [[0, 0]],
  flops: ({ inputs }) => 4 * elementCount(inputs[0]!.shape),
};
