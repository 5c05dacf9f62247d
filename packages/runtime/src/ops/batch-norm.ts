/**
 * Batch normalisation: `norm` over the batch plus running statistics, composed of other operations. In training the
 * batch's statistics are used and the running ones move by `momentum` (unbiased variance, as the field's frameworks do);
 * in inference the running ones are used.
 * @see Ioffe and Szegedy 2015 (arXiv 1502.03167)
 */

import { elementCount } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import { assign } from './assign.js';
import { add, div, mul, sub } from './binary.js';
import { fill } from './fill.js';
import { normWithStatistics } from './norm.js';
import { reshape } from './reshape.js';
import { scale } from './scale.js';
import { unary } from './unary.js';

export interface BatchNormOptions {
  readonly training: boolean;
  readonly eps?: number;
  /** Share of the new statistics; default 0.1. */
  readonly momentum?: number;
}

/**
 * Batch normalisation over N and the spatial axes.
 * @param x - `[N, C, ...]`. @param gamma - `[C]`. @param beta - `[C]`.
 * @param runningMean - state `[1, C]`. @param runningVar - state `[1, C]`, start at 1.
 */
export function batchNorm(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  runningMean: Tensor,
  runningVar: Tensor,
  options: BatchNormOptions,
): Tensor {
  const { training, eps = 1e-5, momentum = 0.1 } = options;
  const c = x.shape[1]!;
  if (training) {
    const { y, mean, rstd } = normWithStatistics(x, gamma, beta, { mode: 'batch', groups: c, eps });
    const count = elementCount(x.shape) / c;
    // rstd = 1 / sqrt(var + eps), so var = 1 / rstd^2 - eps.
    const variance = scale(div(fill(x.graph, [], 1), unary('square', rstd)), 1, -eps);
    const unbiased = scale(variance, count / Math.max(count - 1, 1));
    assign(runningMean, add(scale(runningMean, 1 - momentum), scale(mean, momentum)));
    assign(runningVar, add(scale(runningVar, 1 - momentum), scale(unbiased, momentum)));
    return y;
  }
  const shape = [1, c, ...x.shape.slice(2).map(() => 1)];
  const factor = div(reshape(gamma, [1, c]), unary('sqrt', scale(runningVar, 1, eps)));
  const offset = sub(reshape(beta, [1, c]), mul(runningMean, factor));
  return add(mul(x, reshape(factor, shape)), reshape(offset, shape));
}
