/** Size rules shared by the three convolution operations. Spatial lists follow the tensor's axes: [D, H, W] or [H, W]. */

import type { Shape } from '../graph/shape.js';
import type { InferCall } from './op.js';

/** Sizes of the spatial axes. */
export function spatialOf(shape: Shape): readonly number[] {
  return shape.slice(2);
}

/** Output size of a convolution along one axis. */
export function convOutputSize(
  input: number,
  kernel: number,
  stride: number,
  padBefore: number,
  padAfter: number,
  dilation: number,
): number {
  return Math.floor((input + padBefore + padAfter - dilation * (kernel - 1) - 1) / stride) + 1;
}

/** A number for all axes, or one per axis. */
export type PerAxis = number | readonly number[];

export function perAxis(value: PerAxis, rank: number): readonly number[] {
  return typeof value === 'number' ? new Array<number>(rank).fill(value) : value;
}

/** Checks that the listed spatial attributes have one entry per spatial axis, within bounds. */
export function checkSpatial<A>(
  call: InferCall<A>,
  rank: number,
  lists: Readonly<Record<string, readonly number[]>>,
  lowest: Readonly<Record<string, number>>,
): void {
  if (rank !== 2 && rank !== 3) call.fail(`expects rank 4 (N, C, H, W) or 5 (N, C, D, H, W)`);
  for (const [name, list] of Object.entries(lists)) {
    if (list.length !== rank) call.fail(`${name} has ${list.length} entries for ${rank} spatial axes`);
    const low = lowest[name] ?? 0;
    if (list.some((v) => v < low)) call.fail(`${name} must be >= ${low}, got [${list.join(', ')}]`);
  }
}
