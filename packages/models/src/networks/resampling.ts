/**
 * Invertible changes of resolution for streams: blocks of voxels become channels and back, nothing is lost. Exact on
 * fixed-point streams. Not here: which piece of a stream changes resolution (invertible-unet.ts, irevunet.ts).
 *
 * Sources: Jacobsen et al. 2018 (arXiv 1802.07088), squeeze; Etmann et al. 2020 (arXiv 2005.05220), Haar and learned
 * orthogonal resampling; Calderbank et al. 1998 for wavelets that map integers to integers.
 */
import {
  elementCount,
  isFixed,
  orthogonal,
  resample,
  squeeze,
  unsqueeze,
  ZEROS,
  type SqueezeOrder,
  type Tensor,
} from '@revoxel/runtime';
import type { Grid } from './stream.js';

/**
 * `squeeze` permutes; `haar` is the Haar wavelet (orthonormal on float streams, its integer form of gain 1 on fixed-point
 * ones); `orthogonal` learns a matrix per channel, starting at `squeeze` (fixed point: as a product of integer rotations).
 */
export type Resampling = 'squeeze' | 'haar' | 'orthogonal';

/** Names that `Resampling` can have. */
export const RESAMPLINGS = ['squeeze', 'haar', 'orthogonal'] as const satisfies readonly Resampling[];

/** How a network changes resolution. */
export interface ResamplingStyle {
  readonly resampling: Resampling;
  /** Order of the channels at the lower resolution. */
  readonly order: SqueezeOrder;
  /** How the learned matrices of float streams are made of free numbers. */
  readonly parametrisation: 'exp' | 'cayley';
}

/**
 * Blocks of voxels to channels. Parameters of `orthogonal`: `weight [C, s, s]`, or `angles [C, s (s - 1) / 2]` on
 * fixed-point streams, s the voxels of a block.
 *
 * @param k - a piece `[N, C, ...]`. @param stride - voxels of a block along each axis.
 * @returns `[N, C s, ...]`.
 */
export function resampleDown(k: Tensor, stride: readonly number[], style: ResamplingStyle, grid: Grid): Tensor {
  return resampled(k, stride, style, grid, false);
}

/** The inverse of `resampleDown`, with parameters of its own. @param k - `[N, C s, ...]`. @returns `[N, C, ...]`. */
export function resampleUp(k: Tensor, stride: readonly number[], style: ResamplingStyle, grid: Grid): Tensor {
  return resampled(k, stride, style, grid, true);
}

function resampled(
  k: Tensor,
  stride: readonly number[],
  { resampling, order, parametrisation }: ResamplingStyle,
  grid: Grid,
  up: boolean,
): Tensor {
  const g = k.graph;
  const voxels = elementCount(stride);
  const channels = up ? k.shape[1]! / voxels : k.shape[1]!;
  switch (resampling) {
    case 'squeeze':
      return up ? unsqueeze(k, stride, order) : squeeze(k, stride, order);
    case 'haar':
      return resample(k, isFixed(k.dtype) ? 'lifting' : 'haar', stride, { up, order });
    case 'orthogonal': {
      if (grid.exponent) {
        const angles = g.parameter('angles', [channels, (voxels * (voxels - 1)) / 2], ZEROS);
        return resample(k, 'givens', stride, { up, order }, [angles, grid.exponent]);
      }
      const weight = g.parameter('weight', [channels, voxels, voxels], ZEROS);
      return resample(k, 'given', stride, { up, order }, [orthogonal(weight, parametrisation, voxels)]);
    }
    default:
      return resampling satisfies never;
  }
}
