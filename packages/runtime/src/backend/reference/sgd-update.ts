/** Reference loop of `sgdUpdate`. Results lie where w and m lie: an element is read before it is written. */

import type { KernelOf } from '../kernel.js';

export const sgdUpdateKernel: KernelOf<'sgdUpdate'> = {
  run({ attrs: { momentum, weightDecay, nesterov }, inputs, outputs }) {
    const [w, g, m] = [inputs[0]!.data, inputs[1]!.data, inputs[2]!.data];
    const [lr, factor] = [inputs[3]!.data[0]!, inputs[4]!.data[0]!];
    const [newW, newM] = [outputs[0]!.data, outputs[1]!.data];
    if (factor < 0) return;
    for (let i = 0; i < newW.length; i++) {
      const grad = factor * g[i]! + weightDecay * w[i]!;
      const moment = momentum * m[i]! + grad;
      newM[i] = moment;
      newW[i] = w[i]! - lr * (nesterov ? grad + momentum * moment : moment);
    }
  },
};
