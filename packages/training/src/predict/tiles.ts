/**
 * Where the tiles of a sliding window lie and how much each of their voxels counts. Not the prediction itself.
 *
 * Source: nnU-Net's inference (Isensee et al. 2021): half-overlapping tiles, Gaussian weights of sigma patch / 8.
 */
import { roundHalfEven } from '@revoxel/imaging';
import { DataArgumentError } from '../data/errors.js';

/**
 * First voxels of the tiles along one axis: evenly spread, first and last flush with the borders.
 *
 * @param size - voxels of the image, at least `tile`.
 * @param tile - voxels of a tile.
 * @param step - largest distance between tiles as a part of the tile, above 0, at most 1.
 */
export function tileStarts(size: number, tile: number, step = 0.5): number[] {
  if (!(step > 0 && step <= 1)) throw new DataArgumentError('step', 'a number above 0 and at most 1', step);
  if (!(size >= tile && tile >= 1)) throw new DataArgumentError('size', `at least the tile's ${tile} voxels`, size);
  const count = Math.ceil((size - tile) / (tile * step)) + 1;
  return Array.from({ length: count }, (_, i) => (count === 1 ? 0 : roundHalfEven((i * (size - tile)) / (count - 1))));
}

/**
 * Gaussian weights along one axis of a tile, 1 at voxel floor(tile / 2), sigma tile / 8. The weight of a voxel is the
 * product over its axes. Smallest value exp(-8), so that sums of three axes stay far from the limits of float32.
 */
export function gaussianWeights(tile: number): Float64Array {
  const centre = Math.floor(tile / 2);
  return Float64Array.from({ length: tile }, (_, x) => Math.exp(-0.5 * ((x - centre) / (tile / 8)) ** 2));
}

/** Sum over tiles of their weights, per voxel of the axis. Tiles form a grid, so the sums of a volume are products of these. */
export function weightSums(size: number, starts: readonly number[], weights: Float64Array): Float64Array {
  const sums = new Float64Array(size);
  for (const start of starts) for (let x = 0; x < weights.length; x++) sums[start + x]! += weights[x]!;
  return sums;
}
