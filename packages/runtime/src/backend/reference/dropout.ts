/**
 * Reference loop of `dropout`. Element i in memory order takes word i % 4 of the Philox block with counter (low and high
 * word of floor(i / 4), step, 0) and key (seed, key).
 */

import { philox4x32 } from '../../random/philox.js';
import type { KernelOf } from '../kernel.js';

const TWO_POW_32 = 2 ** 32;

export const dropoutKernel: KernelOf<'dropout'> = {
  run({ attrs: { p, key }, inputs, outputs }) {
    const [x, y] = [inputs[0]!.data, outputs[0]!.data];
    const [seed, step] = [inputs[1]!.data[0]!, inputs[2]!.data[0]!];
    const words = new Uint32Array(4);
    const threshold = p * TWO_POW_32;
    for (let i = 0; i < y.length; i++) {
      if (i % 4 === 0) philox4x32(words, (i / 4) >>> 0, Math.floor(i / 4 / TWO_POW_32), step, 0, seed, key);
      y[i] = words[i % 4]! >= threshold ? x[i]! / (1 - p) : 0;
    }
  },
};
