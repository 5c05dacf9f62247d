/** Reference loop of `adamwUpdate`. Results lie where w, m and v lie: an element is read before it is written. */

import type { KernelOf } from '../kernel.js';

export const adamwUpdateKernel: KernelOf<'adamwUpdate'> = {
  run({ attrs: { beta1, beta2, eps, weightDecay }, inputs, outputs }) {
    const [w, g, m, v] = [inputs[0]!.data, inputs[1]!.data, inputs[2]!.data, inputs[3]!.data];
    const [lr, factor, step] = [inputs[4]!.data[0]!, inputs[5]!.data[0]!, inputs[6]!.data[0]!];
    const [newW, newM, newV] = [outputs[0]!.data, outputs[1]!.data, outputs[2]!.data];
    if (factor < 0) return;
    const correction1 = 1 - beta1 ** (step + 1);
    const correction2 = 1 - beta2 ** (step + 1);
    for (let i = 0; i < newW.length; i++) {
      const grad = factor * g[i]!;
      const first = beta1 * m[i]! + (1 - beta1) * grad;
      const second = beta2 * v[i]! + (1 - beta2) * grad * grad;
      const decayed = w[i]! - lr * weightDecay * w[i]!;
      newM[i] = first;
      newV[i] = second;
      newW[i] = decayed - (lr * (first / correction1)) / (Math.sqrt(second / correction2) + eps);
    }
  },
};
