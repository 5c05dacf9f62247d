/** Fast path of `unary`: elements are shared out; leaky ReLU has a loop of its own. */

import { shareOf } from '../executor/share.js';
import type { KernelOf } from '../kernel.js';
import { unaryValue } from '../reference/math.js';

export const unaryKernel: KernelOf<'unary'> = {
  parallel: true,
  run({ attrs: { kind, slope }, inputs, outputs, part, parts }) {
    const x = inputs[0]!.data as Float32Array;
    const y = outputs[0]!.data as Float32Array;
    const { begin, end } = shareOf(y.length, part, parts);
    if (kind === 'leakyRelu') {
      for (let i = begin; i < end; i++) {
        const value = x[i]!;
        y[i] = value > 0 ? value : slope * value;
      }
    } else for (let i = begin; i < end; i++) y[i] = unaryValue(kind, x[i]!, slope);
  },
};
