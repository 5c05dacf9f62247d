/** Fast path of `softmaxGrad`: voxels are shared out. */

import { shareOf } from '../executor/share.js';
import type { KernelOf } from '../kernel.js';

export const softmaxGradKernel: KernelOf<'softmaxGrad'> = {
  parallel: true,
  run({ inputs, outputs, part, parts }) {
    const p = inputs[0]!.data as Float32Array;
    const dp = inputs[1]!.data as Float32Array;
    const dx = outputs[0]!.data as Float32Array;
    const channels = inputs[0]!.shape[1]!;
    const { begin, end } = shareOf(p.length / channels, part, parts);
    for (let v = begin; v < end; v++) {
      const at = v * channels;
      let dot = 0;
      for (let c = 0; c < channels; c++) dot += p[at + c]! * dp[at + c]!;
      for (let c = 0; c < channels; c++) dx[at + c] = p[at + c]! * (dp[at + c]! - dot);
    }
  },
};
