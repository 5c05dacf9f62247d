/** Reference loop of `softmaxGrad`. */

import type { KernelOf } from '../kernel.js';

export const softmaxGradKernel: KernelOf<'softmaxGrad'> = {
  run({ inputs, outputs }) {
    const [p, dp, dx] = [inputs[0]!, inputs[1]!.data, outputs[0]!.data];
    const channels = p.shape[1]!;
    for (let i = 0; i < p.data.length; i += channels) {
      let dot = 0;
      for (let c = 0; c < channels; c++) dot += p.data[i + c]! * dp[i + c]!;
      for (let c = 0; c < channels; c++) dx[i + c] = p.data[i + c]! * (dp[i + c]! - dot);
    }
  },
};
