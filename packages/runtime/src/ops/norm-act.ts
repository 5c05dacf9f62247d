/**
 * Fused kernel: norm, then leaky ReLU (slope 0: ReLU). Defined by its expansion. Keeps x and the statistics for the
 * backward pass, not the normalised tensor. Operands and results as `norm`; x may be fixed-point, then the exponent of
 * its grid is the fourth operand, x stands for k * 2^-g in fp32, and `to` says what y is.
 */

import { elementCount } from '../graph/shape.js';
import { cast } from './cast.js';
import { dequantize } from './dequantize.js';
import { checkGridOperand, GRID_RESULTS, gridResult } from './fixed-point.js';
import { inferNorm, NORM_MODES, normWithStatistics } from './norm.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';
import { leakyRelu } from './unary.js';

const attrs = {
  mode: NORM_MODES,
  groups: 'int',
  eps: 'float',
  slope: 'float',
  /** dtype of y. */
  to: GRID_RESULTS,
} as const satisfies AttrSchema;

export const normActOp: OpDefinition<typeof attrs> = {
  name: 'normAct',
  attrs,
  onePass: true,
  infer(call) {
    const [y, mean, rstd] = inferNorm({ ...call, inputs: call.inputs.slice(0, 3) });
    checkGridOperand(call, 3);
    return [{ shape: y!.shape, dtype: gridResult(call, call.attrs.to) }, mean!, rstd!];
  },
  inPlace: () => [[0, 0]],
  replay: {
    kept: [1, 2],
    emit: ([x, gamma, beta, ...exponent], [, mean, rstd], { mode, groups, slope, to }) => [
      x!.graph.emit('normApply', [x!, gamma!, beta!, mean!, rstd!, ...exponent], { mode, groups, slope, to })[0]!,
      null,
      null,
    ],
  },
  flops: ({ inputs }) => 8 * elementCount(inputs[0]!.shape),
  expand([x, gamma, beta, exponent], { mode, groups, eps, slope, to }) {
    const float = exponent ? dequantize(x!, exponent) : x!;
    const { y, mean, rstd } = normWithStatistics(float, gamma!, beta!, { mode, groups, eps });
    const active = leakyRelu(y, slope);
    return [to === 'same' ? active : cast(active, to), mean, rstd];
  },
};
