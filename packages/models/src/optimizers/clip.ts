/**
 * Gradient clipping by the global norm, as a factor that the optimiser kernels apply: gradients are never rewritten.
 *
 * Source: Pascanu et al. 2013 (arXiv 1211.5063).
 */
import { binary, div, fill, scale, sumSquares, unary, type Tensor } from '@revoxel/runtime';

/** Keeps the quotient finite when all gradients are zero. */
const EPSILON = 1e-6;

/** Norm of all gradients together and the factor that bounds it. */
export interface Clipping {
  /** Global L2 norm before clipping, scalar f32. */
  readonly norm: Tensor;
  /** min(1, limit / (norm + 1e-6)), scalar f32; 1 without a limit. NaN when a gradient is. */
  readonly factor: Tensor;
}

/**
 * Global norm and clipping factor.
 *
 * @param gradients - f32 tensors of any shapes.
 * @param limit - largest norm allowed, or undefined for none.
 */
export function clipByGlobalNorm(gradients: readonly Tensor[], limit: number | undefined): Clipping {
  const g = gradients[0]!.graph;
  const norm = unary('sqrt', sumSquares(gradients));
  const one = fill(g, [], 1);
  if (limit === undefined) return { norm, factor: one };
  return { norm, factor: binary('min', div(fill(g, [], limit), scale(norm, 1, EPSILON)), one) };
}
