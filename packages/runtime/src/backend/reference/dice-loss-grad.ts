/** Reference loop of `diceLossGrad`. */

import type { KernelOf } from '../kernel.js';
import { SMALLEST_DENOMINATOR } from './dice-loss.js';
import { planes } from './loops.js';

export const diceLossGradKernel: KernelOf<'diceLossGrad'> = {
  run({ attrs: { batch, background, smooth, ignore }, inputs, outputs }) {
    const [p, labels, sums] = [inputs[0]!, inputs[1]!.data, inputs[2]!.data];
    const dloss = inputs[3]!.data[0]!;
    const { n, c, s } = planes(p.shape);
    const dp = outputs[0]!.data;
    const first = background ? 0 : 1;
    const factor = -dloss / ((batch ? 1 : n) * (c - first));
    for (let v = 0; v < n * s; v++) {
      const label = labels[v]!;
      const row = (batch ? 0 : Math.floor(v / s)) * 3 * c;
      for (let k = 0; k < c; k++) {
        if (label === ignore || k < first) {
          dp[v * c + k] = 0;
          continue;
        }
        const total = sums[row + c + k]! + sums[row + 2 * c + k]! + smooth;
        const denominator = Math.max(total, SMALLEST_DENOMINATOR);
        const fromSum = total > SMALLEST_DENOMINATOR ? (2 * sums[row + k]! + smooth) / denominator ** 2 : 0;
        dp[v * c + k] = factor * ((k === label ? 2 / denominator : 0) - fromSum);
      }
    }
  },
};
