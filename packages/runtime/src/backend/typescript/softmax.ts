/** Fast path of `softmax`: voxels are shared out. */

import { shareOf } from '../executor/share.js';
import type { KernelOf } from '../kernel.js';

export const softmaxKernel: KernelOf<'softmax'> = {
  parallel: true,
  run({ inputs, outputs, part, parts }) {
    const x = inputs[0]!.data as Float32Array;
    const y = outputs[0]!.data as Float32Array;
    const channels = inputs[0]!.shape[1]!;
    const { begin, end } = shareOf(x.length / channels, part, parts);
    for (let v = begin; v < end; v++) {
      const at = v * channels;
      let max = x[at]!;
      for (let c = 1; c < channels; c++) if (x[at + c]! > max) max = x[at + c]!;
      let total = 0;
      for (let c = 0; c < channels; c++) total += Math.exp(x[at + c]! - max);
      for (let c = 0; c < channels; c++) y[at + c] = Math.exp(x[at + c]! - max) / total;
    }
  },
};
