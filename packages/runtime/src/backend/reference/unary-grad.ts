/** Reference loop of `unaryGrad`. */

import type { KernelOf } from '../kernel.js';
import { unaryDerivative } from './math.js';

export const unaryGradKernel: KernelOf<'unaryGrad'> = {
  run({ attrs: { kind, slope }, inputs, outputs }) {
    const [x, dy, dx] = [inputs[0]!.data, inputs[1]!.data, outputs[0]!.data];
    for (let i = 0; i < dx.length; i++) dx[i] = unaryDerivative(kind, x[i]!, slope) * dy[i]!;
  },
};
