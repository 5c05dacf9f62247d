/** Index arithmetic that the reference kernels share. Plain and slow: the reference is the oracle, it is never optimised. */

import { elementCount, type Shape } from '../../graph/shape.js';
import type { KernelTensor } from '../kernel.js';

/** A tensor of rank >= 2 seen as samples, channels and everything else; `[n][s][c]` in memory. */
export interface Planes {
  readonly n: number;
  readonly c: number;
  /** Product of the spatial sizes, 1 for rank 2. */
  readonly s: number;
}

export function planes(shape: Shape): Planes {
  const n = shape[0]!;
  const c = shape[1]!;
  return { n, c, s: elementCount(shape) / (n * c) };
}

/** A rank 4 or 5 tensor with sizes N, C, D, H, W (D = 1 for rank 4). */
export interface Volume {
  readonly n: number;
  readonly c: number;
  readonly size: Triple;
}

export type Triple = readonly [number, number, number];

export function volume(shape: Shape): Volume {
  return { n: shape[0]!, c: shape[1]!, size: triple(shape.slice(2), 1) };
}

/** Spatial lists of two axes get a first entry that changes nothing. */
export function triple(list: readonly number[], neutral: number): Triple {
  return list.length === 2 ? [neutral, list[0]!, list[1]!] : [list[0]!, list[1]!, list[2]!];
}

/** Offset in channels-last memory. */
export function at(
  { c, size: [d, h, w] }: Volume,
  n: number,
  channel: number,
  z: number,
  y: number,
  x: number,
): number {
  return (((n * d + z) * h + y) * w + x) * c + channel;
}

/** Calls `visit` for every z, y, x below `size`. */
export function eachVoxel([d, h, w]: Triple, visit: (z: number, y: number, x: number) => void): void {
  for (let z = 0; z < d; z++) for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) visit(z, y, x);
}

/** Calls `visit` for every index of a shape, in logical order; the array is reused. */
export function eachIndex(shape: Shape, visit: (index: readonly number[]) => void): void {
  const index = shape.map(() => 0);
  const count = elementCount(shape);
  for (let i = 0; i < count; i++) {
    visit(index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      if (index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
}

/** Sum of index times stride. */
export function offsetOf(index: readonly number[], strides: readonly number[]): number {
  let offset = 0;
  for (let i = 0; i < index.length; i++) offset += index[i]! * strides[i]!;
  return offset;
}

/** The pieces of a convolution's input as one channels-last array. */
export function joinPieces(pieces: readonly KernelTensor[]): { readonly data: Float64Array; readonly shape: Volume } {
  const first = volume(pieces[0]!.shape);
  const c = pieces.reduce((sum, p) => sum + p.shape[1]!, 0);
  const rows = elementCount(pieces[0]!.shape) / first.c;
  const data = new Float64Array(rows * c);
  let begin = 0;
  for (const piece of pieces) {
    const own = piece.shape[1]!;
    for (let row = 0; row < rows; row++)
      for (let i = 0; i < own; i++) data[row * c + begin + i] = piece.data[row * own + i]!;
    begin += own;
  }
  return { data, shape: { ...first, c } };
}
