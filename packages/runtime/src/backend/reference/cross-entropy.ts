/** Reference loop of `crossEntropy`. */

import type { KernelOf } from '../kernel.js';
import { largest } from './softmax.js';

export const crossEntropyKernel: KernelOf<'crossEntropy'> = {
  run({ attrs: { ignore }, inputs, outputs }) {
    const [x, labels] = [inputs[0]!, inputs[1]!.data];
    const channels = x.shape[1]!;
    let sum = 0;
    let count = 0;
    for (let v = 0; v < labels.length; v++) {
      const label = labels[v]!;
      if (label === ignore) continue;
      count++;
      const begin = v * channels;
      const max = largest(x.data, begin, channels);
      let total = 0;
      for (let c = 0; c < channels; c++) total += Math.exp(x.data[begin + c]! - max);
      sum += label < channels ? Math.log(total) + max - x.data[begin + label]! : NaN;
    }
    outputs[0]!.data[0] = count === 0 ? 0 : sum / count;
    outputs[1]!.data[0] = count;
  },
};
