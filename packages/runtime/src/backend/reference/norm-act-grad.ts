/** Reference loop of `normActGrad`: the activation's branch is found again from x and the statistics. */

import type { KernelOf } from '../kernel.js';
import { reader } from './fixed-point.js';
import { unaryDerivative } from './math.js';
import { statisticIndex } from './norm.js';
import { normGradWith } from './norm-grad.js';

export const normActGradKernel: KernelOf<'normActGrad'> = {
  run({ attrs, inputs, outputs }) {
    const [x, gamma, beta, mean, rstd, dy] = [inputs[0]!, inputs[1]!, inputs[2]!, inputs[3]!, inputs[4]!, inputs[5]!];
    const exponent = inputs[6];
    const value = reader(x, exponent);
    const of = statisticIndex(attrs, x.shape[1]!);
    const grad = (i: number, n: number, c: number): number => {
      const k = of(n, c);
      const z = gamma.data[c]! * (value(i) - mean.data[k]!) * rstd.data[k]! + beta.data[c]!;
      return dy.data[i]! * unaryDerivative('leakyRelu', z, attrs.slope);
    };
    normGradWith({ attrs, x, exponent, gamma, mean, rstd, dy: grad, outputs });
  },
};
