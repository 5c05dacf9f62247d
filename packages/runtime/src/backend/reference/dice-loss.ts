/** Reference loop of `diceLoss`. */

import type { KernelOf } from '../kernel.js';
import { planes } from './loops.js';

/** Below this a denominator counts as this, so that an absent class gives no division by zero. */
export const SMALLEST_DENOMINATOR = 1e-8;

export const diceLossKernel: KernelOf<'diceLoss'> = {
  run({ attrs: { batch, background, smooth, ignore }, inputs, outputs }) {
    const [p, labels] = [inputs[0]!, inputs[1]!.data];
    const { n, c, s } = planes(p.shape);
    const rows = batch ? 1 : n;
    const sums = new Float64Array(rows * 3 * c);
    for (let v = 0; v < n * s; v++) {
      const label = labels[v]!;
      if (label === ignore) continue;
      const row = (batch ? 0 : Math.floor(v / s)) * 3 * c;
      for (let k = 0; k < c; k++) {
        const y = k === label ? 1 : 0;
        sums[row + k]! += p.data[v * c + k]! * y;
        sums[row + c + k]! += p.data[v * c + k]!;
        sums[row + 2 * c + k]! += y;
      }
    }
    outputs[0]!.data[0] = meanDice(sums, rows, c, background, smooth);
    outputs[1]!.data.set(sums);
  },
};

/** Minus the mean over rows and counted classes of the soft Dice made from the sums. */
export function meanDice(
  sums: Float64Array,
  rows: number,
  classes: number,
  background: boolean,
  smooth: number,
): number {
  const first = background ? 0 : 1;
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const at = row * 3 * classes;
    for (let k = first; k < classes; k++) {
      const denominator = Math.max(
        sums[at + classes + k]! + sums[at + 2 * classes + k]! + smooth,
        SMALLEST_DENOMINATOR,
      );
      total += (2 * sums[at + k]! + smooth) / denominator;
    }
  }
  return -total / (rows * (classes - first));
}
