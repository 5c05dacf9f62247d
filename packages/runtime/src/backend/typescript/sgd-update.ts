/** Fast path of `sgdUpdate`: elements are shared out. */

import { shareOf } from '../executor/share.js';
import type { KernelOf } from '../kernel.js';

export const sgdUpdateKernel: KernelOf<'sgdUpdate'> = {
  parallel: true,
  run({ attrs: { momentum, weightDecay, nesterov }, inputs, outputs, part, parts }) {
    const w = inputs[0]!.data as Float32Array;
    const g = inputs[1]!.data as Float32Array;
    const m = inputs[2]!.data as Float32Array;
    const lr = inputs[3]!.data[0]!;
    const factor = inputs[4]!.data[0]!;
    const newW = outputs[0]!.data as Float32Array;
    const newM = outputs[1]!.data as Float32Array;
    if (factor < 0) return;
    const { begin, end } = shareOf(newW.length, part, parts);
    for (let i = begin; i < end; i++) {
      const grad = factor * g[i]! + weightDecay * w[i]!;
      const moment = momentum * m[i]! + grad;
      newM[i] = moment;
      newW[i] = w[i]! - lr * (nesterov ? grad + momentum * moment : moment);
    }
  },
};
