/** Fast path of `adamwUpdate`: elements are shared out. */

import { shareOf } from '../executor/share.js';
import type { KernelOf } from '../kernel.js';

export const adamwUpdateKernel: KernelOf<'adamwUpdate'> = {
  parallel: true,
  run({ attrs: { beta1, beta2, eps, weightDecay }, inputs, outputs, part, parts }) {
    const [w, g] = [inputs[0]!.data as Float32Array, inputs[1]!.data as Float32Array];
    const [m, v] = [inputs[2]!.data as Float32Array, inputs[3]!.data as Float32Array];
    const [lr, factor, step] = [inputs[4]!.data[0]!, inputs[5]!.data[0]!, inputs[6]!.data[0]!];
    const newW = outputs[0]!.data as Float32Array;
    const newM = outputs[1]!.data as Float32Array;
    const newV = outputs[2]!.data as Float32Array;
    if (factor < 0) return;
    const correction1 = 1 - beta1 ** (step + 1);
    const correction2 = 1 - beta2 ** (step + 1);
    const { begin, end } = shareOf(newW.length, part, parts);
    for (let i = begin; i < end; i++) {
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
