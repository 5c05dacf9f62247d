/** Reference loop of `normGrad`, from the statistics that were kept. */

import type { KernelOf, KernelTensor } from '../kernel.js';
import { reader } from './fixed-point.js';
import { eachElement, statisticIndex } from './norm.js';

export interface NormGradOperands {
  readonly attrs: { readonly mode: 'group' | 'batch'; readonly groups: number; readonly eps: number };
  readonly x: KernelTensor;
  /** Of the grid, when x is fixed-point. */
  readonly exponent?: KernelTensor | undefined;
  readonly gamma: KernelTensor;
  readonly mean: KernelTensor;
  readonly rstd: KernelTensor;
  /** Gradient of the normalised value (after any activation's own rule) at element i of channel c. */
  readonly dy: (i: number, n: number, c: number) => number;
  /** dx, dgamma, dbeta. */
  readonly outputs: readonly KernelTensor[];
}

/** The reverse rule, for any source of dy. */
export function normGradWith({ attrs, x, exponent, gamma, mean, rstd, dy, outputs }: NormGradOperands): void {
  const channels = x.shape[1]!;
  const of = statisticIndex(attrs, channels);
  const statistics = mean.data.length;
  const count = x.data.length / statistics;
  const value = reader(x, exponent);
  const normalised = (i: number, n: number, c: number): number =>
    (value(i) - mean.data[of(n, c)]!) * rstd.data[of(n, c)]!;
  const [sumG, sumGx] = [new Float64Array(statistics), new Float64Array(statistics)];
  const [dgamma, dbeta] = [new Float64Array(channels), new Float64Array(channels)];
  eachElement(x, (i, n, c) => {
    const grad = dy(i, n, c);
    const xhat = normalised(i, n, c);
    sumG[of(n, c)]! += gamma.data[c]! * grad;
    sumGx[of(n, c)]! += gamma.data[c]! * grad * xhat;
    dgamma[c]! += grad * xhat;
    dbeta[c]! += grad;
  });
  eachElement(x, (i, n, c) => {
    const k = of(n, c);
    const g = gamma.data[c]! * dy(i, n, c);
    outputs[0]!.data[i] = rstd.data[k]! * (g - sumG[k]! / count - (normalised(i, n, c) * sumGx[k]!) / count);
  });
  outputs[1]!.data.set(dgamma);
  outputs[2]!.data.set(dbeta);
}

export const normGradKernel: KernelOf<'normGrad'> = {
  run({ attrs, inputs, outputs }) {
    const [x, gamma, mean, rstd, dy] = [inputs[0]!, inputs[1]!, inputs[2]!, inputs[3]!, inputs[4]!];
    normGradWith({ attrs, x, gamma, mean, rstd, dy: (i) => dy.data[i]!, outputs });
  },
};
