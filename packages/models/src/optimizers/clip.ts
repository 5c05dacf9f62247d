/**
 * Gradient clipping by the global norm, as a factor that the optimiser kernels apply: gradients are never rewritten.
 *
 * Source: Pascanu et al. 2013 (arXiv 1211.5063).
 */
import { binary, div, fill, lossScaleUpdate, scale, sumSquares, unary, type Tensor } from '@revoxel/runtime';
import type { LossScaling } from './loss-scale.js';

/** Keeps the quotient finite when all gradients are zero. */
const EPSILON = 1e-6;

/** Norm of all gradients together and the factor that bounds it. */
export interface Clipping {
  /** Global L2 norm before clipping, unscaled, scalar f32; 0 of a step that is skipped. */
  readonly norm: Tensor;
  /** min(1, limit / (norm + 1e-6)), scalar f32; 1 without a limit. NaN when a gradient is; with a loss scale divided by it, and negative when the step is to be skipped. */
  readonly factor: Tensor;
}

/**
 * Global norm and clipping factor.
 *
 * @param gradients - f32 tensors of any shapes.
 * @param limit - largest norm allowed, or undefined for none.
 * @param scaling - of the loss that the gradients are of; is updated here.
 */
export function clipByGlobalNorm(
  gradients: readonly Tensor[],
  limit: number | undefined,
  scaling?: LossScaling,
): Clipping {
  const g = gradients[0]!.graph;
  const squares = sumSquares(gradients);
  if (scaling)
    return lossScaleUpdate(scaling.scale, scaling.streak, squares, { interval: scaling.interval, limit: limit ?? 0 });
  const norm = unary('sqrt', squares);
  const one = fill(g, [], 1);
  if (limit === undefined) return { norm, factor: one };
  return { norm, factor: binary('min', div(fill(g, [], limit), scale(norm, 1, EPSILON)), one) };
}
