/** Reference loop of `normActGrad`: the activation's branch is found again from x and the statistics. */

import type { KernelOf } from '../kernel.js';
import { unaryDerivative } from './math.js';
import { statisticIndex } from './norm.js';
import { normGradWith } from './norm-grad.js';

export const normActGradKernel: KernelOf<'normActGrad'> = {
  run({ attrs, inputs, outputs }) {
    const [x, gamma, beta, mean, rstd, dy] = [inputs[0]!, inputs[1]!, inputs[2]!, inputs[3]!, inputs[4]!, inputs[5]!];
    const of = statisticIndex(attrs, x.shape[1]!);
    const grad = (i: number, n: number, c: number): number => {
      const k = of(n, c);
      const z = gamma.data[c]! * (x.data[i]! - mean.data[k]!) * rstd.data[k]! + beta.data[c]!;
      return dy.data[i]! * unaryDerivative('leakyRelu', z, attrs.slope);
    };
    normGradWith({ attrs, x, gamma, mean, rstd, dy: grad, outputs });
  },
};
