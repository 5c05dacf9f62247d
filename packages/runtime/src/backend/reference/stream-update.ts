/** The rule of `streamUpdate`. Results lie where the operands lie: all is read before anything is written. */

import type { KernelOf } from '../kernel.js';

/** Smallest whole e with 2^e >= x, for x > 0: the ceiling of log2, exact at powers of two. */
function ceilLog2(x: number): number {
  let e = -1074;
  while (2 ** e < x) e++;
  return e;
}

export const streamUpdateKernel: KernelOf<'streamUpdate'> = {
  run({ attrs: { bits }, inputs, outputs }) {
    const old = inputs[0]!.data[0]!;
    const monitor = inputs[1]!.data;
    const stats = inputs.slice(2).map((t) => t.data);
    const sum = (i: number): number => stats.reduce((total, s) => total + s[i]!, 0);
    const largest = stats.reduce((most, s) => Math.max(most, s[0]!), 0);
    const [near, clamped, nan] = [sum(1), sum(2), sum(3)];

    let g = old;
    let calibrated = monitor[2]!;
    let streak = near + clamped > 0 ? monitor[0]! + 1 : 0;
    let quiet = largest < 2 ** (bits - 1) / 16 ? monitor[1]! + 1 : 0;
    if (calibrated === 0) {
      if (near > 0) g -= 2;
      else if (largest > 0) {
        g = bits - 1 - ceilLog2(4 * largest * 2 ** -g);
        calibrated = 1;
      }
    } else if (near > 0 || streak >= 3) {
      g -= 1;
      streak = 0;
    } else if (quiet >= 1000) {
      g += 1;
      quiet = 0;
    }
    g = Math.min(Math.max(g, 0), bits - 2);
    const changes = monitor[7]! + (g === old ? 0 : 1);
    outputs[0]!.data[0] = g;
    outputs[1]!.data.set([streak, quiet, calibrated, largest, near, clamped, nan, changes]);
  },
};
