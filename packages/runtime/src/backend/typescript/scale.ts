/** Fast path of `scale`: elements are shared out. */

import { shareOf } from '../executor/share.js';
import type { KernelOf } from '../kernel.js';

export const scaleKernel: KernelOf<'scale'> = {
  parallel: true,
  run({ attrs: { factor, offset }, inputs, outputs, part, parts }) {
    const x = inputs[0]!.data as Float32Array;
    const y = outputs[0]!.data as Float32Array;
    const { begin, end } = shareOf(y.length, part, parts);
    for (let i = begin; i < end; i++) y[i] = factor * x[i]! + offset;
  },
};
