/**
 * Statistics of the norms, per channel and in a fixed order. The voxels of every sample are cut into chunks that depend
 * on the shape alone; each gives partial sums per channel, which are then combined chunk by chunk. So the result is the
 * same for any number of workers, and no sum is long.
 *
 * Mean and squared distances of a chunk are taken in two passes while it is in cache and combined by the pairwise rule.
 * @see Chan, Golub, LeVeque 1983 (Algorithms for computing the sample variance)
 */

import { elementCount, type Shape } from '../../graph/shape.js';
import { shareOf } from '../executor/share.js';
import { planes } from '../reference/loops.js';

/** Elements of a chunk: it stays in a core's second-level cache. */
const CHUNK_ELEMENTS = 32 * 1024;
const MOST_CHUNKS = 256;

/** The chunks of one sample. */
export interface Chunks {
  readonly samples: number;
  readonly channels: number;
  /** Voxels per sample, per chunk, and chunks per sample. */
  readonly voxels: number;
  readonly size: number;
  readonly count: number;
}

export function chunksOf(shape: Shape): Chunks {
  const { n, c, s } = planes(shape);
  const wanted = Math.min(Math.max(Math.ceil((s * c) / CHUNK_ELEMENTS), 1), MOST_CHUNKS);
  const size = Math.ceil(s / wanted);
  return { samples: n, channels: c, voxels: s, size, count: Math.ceil(s / size) };
}

/** Scratch of a forward norm: mean and squared distances per sample, chunk and channel. */
export function normScratch(shape: Shape): number {
  const { samples, channels, count } = chunksOf(shape);
  return 8 * 2 * samples * channels * count;
}

/** Scratch of a backward norm: two sums per sample, chunk and channel, then per sample and channel. */
export function normGradScratch(shape: Shape): number {
  const { samples, channels, count } = chunksOf(shape);
  return 8 * 2 * samples * channels * (count + 1);
}

/** Scratch of a backward norm over a fixed-point x: besides, one channel of a chunk in floats for every worker. */
export function fixedNormGradScratch(shape: Shape, threads: number): number {
  return normGradScratch(shape) + 4 * threads * chunksOf(shape).size;
}

/** Voxels of chunk `chunk` of any sample: begin (included) and end. */
export function chunkRange({ size, voxels }: Chunks, chunk: number): { readonly begin: number; readonly end: number } {
  return { begin: chunk * size, end: Math.min((chunk + 1) * size, voxels) };
}

/** Calls `visit` for the share of all (sample, chunk) pairs. */
export function eachChunk(
  chunks: Chunks,
  part: number,
  parts: number,
  visit: (sample: number, chunk: number) => void,
): void {
  const { begin, end } = shareOf(chunks.samples * chunks.count, part, parts);
  for (let i = begin; i < end; i++) visit(Math.floor(i / chunks.count), i % chunks.count);
}

/** Mean and sum of squared distances of every channel over `voxels` voxels from `first` on, to `out` (mean, distances per channel). */
export function chunkMoments(
  x: Float32Array,
  channels: number,
  first: number,
  voxels: number,
  out: Float64Array,
  to: number,
): void {
  const begin = first * channels;
  const end = begin + voxels * channels;
  let c = 0;
  for (; c + 4 <= channels; c += 4) {
    let s0 = 0,
      s1 = 0,
      s2 = 0,
      s3 = 0;
    for (let i = begin + c; i < end; i += channels) {
      s0 += x[i]!;
      s1 += x[i + 1]!;
      s2 += x[i + 2]!;
      s3 += x[i + 3]!;
    }
    const m0 = s0 / voxels,
      m1 = s1 / voxels,
      m2 = s2 / voxels,
      m3 = s3 / voxels;
    s0 = s1 = s2 = s3 = 0;
    for (let i = begin + c; i < end; i += channels) {
      const d0 = x[i]! - m0,
        d1 = x[i + 1]! - m1,
        d2 = x[i + 2]! - m2,
        d3 = x[i + 3]! - m3;
      s0 += d0 * d0;
      s1 += d1 * d1;
      s2 += d2 * d2;
      s3 += d3 * d3;
    }
    const at = to + 2 * c;
    out[at] = m0;
    out[at + 1] = s0;
    out[at + 2] = m1;
    out[at + 3] = s1;
    out[at + 4] = m2;
    out[at + 5] = s2;
    out[at + 6] = m3;
    out[at + 7] = s3;
  }
  for (; c < channels; c++) {
    let sum = 0;
    for (let i = begin + c; i < end; i += channels) sum += x[i]!;
    const mean = sum / voxels;
    sum = 0;
    for (let i = begin + c; i < end; i += channels) sum += (x[i]! - mean) ** 2;
    out[to + 2 * c] = mean;
    out[to + 2 * c + 1] = sum;
  }
}

/** Running mean and squared distances of a growing set. */
export interface Moments {
  count: number;
  mean: number;
  distances: number;
}

/** Add a set to another (pairwise rule). */
export function addMoments(into: Moments, count: number, mean: number, distances: number): void {
  const total = into.count + count;
  const delta = mean - into.mean;
  into.distances += distances + (delta * delta * into.count * count) / total;
  into.mean += (delta * count) / total;
  into.count = total;
}

/** Elements behind one statistic. */
export function statisticCount(shape: Shape, statistics: number): number {
  return elementCount(shape) / statistics;
}
