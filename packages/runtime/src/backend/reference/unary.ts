/** Reference loop of `unary`. */

import type { KernelOf } from '../kernel.js';
import { unaryValue } from './math.js';

export const unaryKernel: KernelOf<'unary'> = {
  run({ attrs: { kind, slope }, inputs, outputs }) {
    const [x, y] = [inputs[0]!.data, outputs[0]!.data];
    for (let i = 0; i < y.length; i++) y[i] = unaryValue(kind, x[i]!, slope);
  },
};
