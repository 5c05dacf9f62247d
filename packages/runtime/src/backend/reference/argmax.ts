/** Reference loop of `argmax`. A NaN never wins, except in channel 0 where nothing beats it: labels cannot carry NaN. */

import type { KernelOf } from '../kernel.js';

export const argmaxKernel: KernelOf<'argmax'> = {
  run({ inputs, outputs }) {
    const [x, y] = [inputs[0]!, outputs[0]!.data];
    const channels = x.shape[1]!;
    for (let v = 0; v < y.length; v++) {
      let best = 0;
      for (let c = 1; c < channels; c++) if (x.data[v * channels + c]! > x.data[v * channels + best]!) best = c;
      y[v] = best;
    }
  },
};
