/** Reference loop of `softmax`. */

import type { HostArray } from '../../graph/dtype.js';
import type { KernelOf } from '../kernel.js';

/** Largest of `count` elements; NaN if one is NaN. */
export function largest(data: HostArray, begin: number, count: number): number {
  let best = -Infinity;
  for (let i = begin; i < begin + count; i++) best = Math.max(best, data[i]!);
  return best;
}

export const softmaxKernel: KernelOf<'softmax'> = {
  run({ inputs, outputs }) {
    const [x, y] = [inputs[0]!, outputs[0]!];
    const channels = x.shape[1]!;
    for (let i = 0; i < x.data.length; i += channels) {
      const max = largest(x.data, i, channels);
      let sum = 0;
      for (let c = 0; c < channels; c++) sum += Math.exp(x.data[i + c]! - max);
      for (let c = 0; c < channels; c++) y.data[i + c] = Math.exp(x.data[i + c]! - max) / sum;
    }
  },
};
