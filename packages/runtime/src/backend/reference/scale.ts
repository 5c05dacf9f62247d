/** Reference loop of `scale`. */

import type { KernelOf } from '../kernel.js';

export const scaleKernel: KernelOf<'scale'> = {
  run({ attrs: { factor, offset }, inputs, outputs }) {
    const [x, y] = [inputs[0]!.data, outputs[0]!.data];
    for (let i = 0; i < y.length; i++) y[i] = factor * x[i]! + offset;
  },
};
