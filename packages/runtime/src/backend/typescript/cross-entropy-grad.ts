/** Fast path of `crossEntropyGrad`: voxels are shared out; dx may lie over the logits. */

import { shareOf } from '../executor/share.js';
import type { KernelOf } from '../kernel.js';

export const crossEntropyGradKernel: KernelOf<'crossEntropyGrad'> = {
  parallel: true,
  run({ attrs: { ignore }, inputs, outputs, part, parts }) {
    const x = inputs[0]!.data as Float32Array;
    const labels = inputs[1]!.data as Uint8Array;
    const factor = inputs[3]!.data[0]! / inputs[2]!.data[0]!;
    const dx = outputs[0]!.data as Float32Array;
    const channels = inputs[0]!.shape[1]!;
    const { begin, end } = shareOf(labels.length, part, parts);
    for (let v = begin; v < end; v++) {
      const label = labels[v]!;
      const at = v * channels;
      if (label === ignore) {
        for (let c = 0; c < channels; c++) dx[at + c] = 0;
        continue;
      }
      let max = x[at]!;
      for (let c = 1; c < channels; c++) if (x[at + c]! > max) max = x[at + c]!;
      let total = 0;
      for (let c = 0; c < channels; c++) total += Math.exp(x[at + c]! - max);
      for (let c = 0; c < channels; c++)
        dx[at + c] = factor * (Math.exp(x[at + c]! - max) / total - (c === label ? 1 : 0));
    }
  },
};
