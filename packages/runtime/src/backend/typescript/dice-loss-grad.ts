/** Fast path of `diceLossGrad`: two numbers per class, then one store per element. */

import { shareOf } from '../executor/share.js';
import type { KernelOf } from '../kernel.js';
import { SMALLEST_DENOMINATOR } from '../reference/dice-loss.js';
import { planes } from '../reference/loops.js';

export const diceLossGradKernel: KernelOf<'diceLossGrad'> = {
  parallel: true,
  run({ attrs: { batch, background, smooth, ignore }, inputs, outputs, part, parts }) {
    const labels = inputs[1]!.data as Uint8Array;
    const sums = inputs[2]!.data as Float32Array;
    const dp = outputs[0]!.data as Float32Array;
    const { n, c, s } = planes(inputs[0]!.shape);
    const first = background ? 0 : 1;
    const factor = -inputs[3]!.data[0]! / ((batch ? 1 : n) * (c - first));
    const { begin, end } = shareOf(n * s, part, parts);
    for (let k = 0; k < c; k++) {
      for (let sample = 0; sample < n; sample++) {
        const row = (batch ? 0 : sample) * 3 * c;
        const total = sums[row + c + k]! + sums[row + 2 * c + k]! + smooth;
        const denominator = Math.max(total, SMALLEST_DENOMINATOR);
        const fromSum = total > SMALLEST_DENOMINATOR ? (2 * sums[row + k]! + smooth) / denominator ** 2 : 0;
        const outside = k < first ? 0 : factor * -fromSum;
        const inside = k < first ? 0 : factor * (2 / denominator - fromSum);
        const last = Math.min(end, (sample + 1) * s);
        for (let v = Math.max(begin, sample * s); v < last; v++) {
          const label = labels[v]!;
          dp[v * c + k] = label === ignore ? 0 : label === k ? inside : outside;
        }
      }
    }
  },
};
