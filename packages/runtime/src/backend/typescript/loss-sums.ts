/** Chunks of the losses: partial sums over fixed runs of voxels, added in order, so that results do not depend on the number of workers. */

import { elementCount, type Shape } from '../../graph/shape.js';

/** Voxels per chunk. */
export const CHUNK_VOXELS = 4096;

/** Chunks of `voxels` voxels. */
export function lossChunks(voxels: number): number {
  return Math.ceil(voxels / CHUNK_VOXELS);
}

/** Sum and count per chunk. */
export function crossEntropyScratch(shape: Shape): number {
  return 8 * 2 * lossChunks(elementCount(shape) / shape[1]!);
}

/** Three sums per class, chunk and sample. */
export function diceLossScratch(shape: Shape): number {
  const [n, c] = [shape[0]!, shape[1]!];
  return 8 * 3 * c * n * lossChunks(elementCount(shape) / (n * c));
}
