/**
 * Loops over fixed-point elements, and the partial results of those that report statistics: every worker has a slot in
 * scratch, the first one adds the slots up. All counts and sums are whole numbers, so their order changes no bit.
 *
 * A session sees one width of stream as a rule, so the loops stay monomorphic.
 */

import type { KernelContext, KernelTensor } from '../kernel.js';

/** Elements of a stream. */
export type FixedArray = Int16Array | Int32Array;

/** Elements that are worked on at a time by kernels with several passes: they stay in cache. */
export const BLOCK = 4096;

/** Value of one step of a grid, 2^-g. */
export function stepOf(exponent: KernelTensor): number {
  return 2 ** -exponent.data[0]!;
}

/** x[i] = k[i] * step, rounded to fp32. Both may lie at the same place. */
export function dequantizeRange(k: FixedArray, x: Float32Array, step: number, begin: number, end: number): void {
  for (let i = begin; i < end; i++) x[i] = k[i]! * step;
}

/** 1.5 * 2^52: adding it to a float64 below 2^51 leaves no bit for fractions, so the sum is rounded to nearest even. */
const ROUND = 6755399441055744;

/** Per worker: largest |k|, near, clamped, nan, both checksums. */
const SLOT = 6;

/** Scratch of the kernels with statistics. */
export function statsScratch(threads: number): number {
  return 8 * SLOT * threads;
}

/** Workers that have a slot. */
export function activeWorkers({ scratch64, parts }: KernelContext<unknown>): number {
  return Math.min(parts, Math.floor(scratch64.length / SLOT));
}

/** This worker's slot, emptied. */
export function emptySlot({ scratch64, part }: KernelContext<unknown>): Float64Array {
  return scratch64.subarray(part * SLOT, (part + 1) * SLOT).fill(0);
}

/**
 * result[i] = k[i] + q(f[i]) with wrap-around; without k just q(f[i]). What was clamped or no number is counted in `slot`.
 * @param scale - 2^g, or -2^g to subtract: q is odd. @param limit - largest |q|.
 */
export function addRange(
  k: FixedArray | undefined,
  f: Float32Array,
  result: FixedArray,
  scale: number,
  limit: number,
  slot: Float64Array,
  begin: number,
  end: number,
): void {
  const lowest = -limit;
  let clamped = 0;
  let nan = 0;
  for (let i = begin; i < end; i++) {
    let v = f[i]! * scale;
    if (!(v <= limit && v >= lowest)) {
      if (v !== v) {
        v = 0;
        nan++;
      } else {
        v = v > 0 ? limit : lowest;
        clamped++;
      }
    }
    // Stores wrap around.
    result[i] = ((k === undefined ? 0 : k[i]!) + ((v + ROUND - ROUND) | 0)) | 0;
  }
  slot[2]! += clamped;
  slot[3]! += nan;
}

/** Largest |k| and elements near the limit of a range. Two short loops over a block are faster than one for both. */
export function measureRange(k: FixedArray, near: number, slot: Float64Array, begin: number, end: number): void {
  const [low, high] = [-near | 0, near | 0];
  let smallest = 0;
  let largest = 0;
  let count = 0;
  for (let i = begin; i < end; i++) {
    const v = k[i]!;
    largest = v > largest ? v : largest;
    smallest = v < smallest ? v : smallest;
    count = (count + (v > high || v < low ? 1 : 0)) | 0;
  }
  slot[0] = Math.max(slot[0]!, largest, -smallest);
  slot[1]! += count;
}

const MIXER = 0x2c1b3c6d;

/** Adds both checksums of a range to `slot`, modulo 2^32. */
export function checksumRange(k: FixedArray, slot: Float64Array, begin: number, end: number): void {
  let plain = 0;
  let mixed = 0;
  for (let i = begin; i < end; i++) {
    const v = k[i]!;
    // 2 i + 1 by integer arithmetic: written with *, it goes through float64, several times as slow.
    plain = (plain + Math.imul(v, (i << 1) | 1)) | 0;
    mixed = (mixed + Math.imul(v, Math.imul(i ^ (i >>> 15), MIXER) | 1)) | 0;
  }
  slot[4] = (slot[4]! + plain) >>> 0;
  slot[5] = (slot[5]! + mixed) >>> 0;
}

/** All slots to the results of the call; run by one worker behind a barrier. */
export function combineSlots(
  context: KernelContext<unknown>,
  stats: KernelTensor,
  checksum: KernelTensor | undefined,
): void {
  const { scratch64 } = context;
  const active = activeWorkers(context);
  let [largest, near, clamped, nan, plain, mixed] = [0, 0, 0, 0, 0, 0];
  for (let at = 0; at < active * SLOT; at += SLOT) {
    largest = Math.max(largest, scratch64[at]!);
    near += scratch64[at + 1]!;
    clamped += scratch64[at + 2]!;
    nan += scratch64[at + 3]!;
    plain = (plain + scratch64[at + 4]!) >>> 0;
    mixed = (mixed + scratch64[at + 5]!) >>> 0;
  }
  stats.data.set([largest, near, clamped, nan]);
  checksum?.data.set([plain, mixed]);
}
