/** Reference loop of `crossEntropyGrad`. */

import type { KernelOf } from '../kernel.js';
import { largest } from './softmax.js';

export const crossEntropyGradKernel: KernelOf<'crossEntropyGrad'> = {
  run({ attrs: { ignore }, inputs, outputs }) {
    const [x, labels] = [inputs[0]!, inputs[1]!.data];
    const channels = x.shape[1]!;
    const factor = inputs[3]!.data[0]! / inputs[2]!.data[0]!;
    const dx = outputs[0]!.data;
    for (let v = 0; v < labels.length; v++) {
      const label = labels[v]!;
      const begin = v * channels;
      if (label === ignore) {
        for (let c = 0; c < channels; c++) dx[begin + c] = 0;
        continue;
      }
      const max = largest(x.data, begin, channels);
      let total = 0;
      for (let c = 0; c < channels; c++) total += Math.exp(x.data[begin + c]! - max);
      for (let c = 0; c < channels; c++)
        dx[begin + c] = factor * (Math.exp(x.data[begin + c]! - max) / total - (c === label ? 1 : 0));
    }
  },
};
