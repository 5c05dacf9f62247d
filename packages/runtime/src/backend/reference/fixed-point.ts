/** Arithmetic of fixed-point streams as the reference kernels share it; the rules are in `ops/fixed-point.ts`. */

import { isFixed, type DType, type FixedDType } from '../../graph/dtype.js';
import { addLimit, fixedBits, nearLimit } from '../../ops/fixed-point.js';
import type { KernelTensor } from '../kernel.js';
import { converted } from './cast.js';

/** The integer nearest to f * 2^g, ties to even, clamped to what one add may bring; 0 for NaN. */
export function onGrid(f: number, exponent: number, dtype: FixedDType): number {
  const limit = addLimit(dtype);
  return converted(Math.min(Math.max(f * 2 ** exponent, -limit), limit), 'q32');
}

/** An integer as a fixed-point element holds it: modulo 2^16 or 2^32, with sign. */
export function wrapped(value: number, dtype: FixedDType): number {
  return fixedBits(dtype) === 16 ? (value << 16) >> 16 : value | 0;
}

/** Reads element i in value units: k * 2^-g in fp32 of a fixed-point tensor, the element itself of any other. */
export function reader(x: KernelTensor, exponent: KernelTensor | undefined): (i: number) => number {
  if (!exponent) return (i) => x.data[i]!;
  const step = 2 ** -exponent.data[0]!;
  return (i) => Math.fround(x.data[i]! * step);
}

/** What an add reports; `clamped` and `nan` count elements of f. */
export class AddStats {
  private largest = 0;
  private near = 0;
  private clamped = 0;
  private nan = 0;

  constructor(
    private readonly dtype: FixedDType,
    private readonly exponent: number,
  ) {}

  add(k: number, f: number): void {
    this.largest = Math.max(this.largest, Math.abs(k));
    if (Math.abs(k) > nearLimit(this.dtype)) this.near++;
    if (Number.isNaN(f)) this.nan++;
    else if (Math.abs(f * 2 ** this.exponent) > addLimit(this.dtype)) this.clamped++;
  }

  store(to: KernelTensor): void {
    to.data.set([this.largest, this.near, this.clamped, this.nan]);
  }
}

/** The dtype as that of a stream. */
export function fixedOf(dtype: DType): FixedDType {
  if (!isFixed(dtype)) throw new TypeError(`${dtype} is not fixed-point`);
  return dtype;
}
