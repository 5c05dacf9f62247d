/** Reference loop of `norm`: mean, then the mean of squared distances from it, both in float64. */

import type { KernelContext, KernelOf, KernelTensor } from '../kernel.js';
import { planes } from './loops.js';

interface NormAttrs {
  readonly mode: 'group' | 'batch';
  readonly groups: number;
  readonly eps: number;
}

/** Which statistic an element (sample, channel) belongs to. */
export function statisticIndex({ mode, groups }: NormAttrs, channels: number): (n: number, c: number) => number {
  return mode === 'batch' ? (_, c) => c : (n, c) => n * groups + Math.floor((c * groups) / channels);
}

/** Calls `visit` for every element of a tensor of rank >= 2. */
export function eachElement(x: KernelTensor, visit: (i: number, n: number, c: number) => void): void {
  const { n, c, s } = planes(x.shape);
  let i = 0;
  for (let sample = 0; sample < n; sample++)
    for (let v = 0; v < s; v++) for (let channel = 0; channel < c; channel++) visit(i++, sample, channel);
}

/** The norm, followed by `activation`. */
export function normWith(
  { attrs, inputs, outputs }: KernelContext<NormAttrs>,
  activation: (z: number) => number,
): void {
  const [x, gamma, beta] = [inputs[0]!, inputs[1]!.data, inputs[2]!.data];
  const [y, mean, rstd] = [outputs[0]!, outputs[1]!.data, outputs[2]!.data];
  const of = statisticIndex(attrs, x.shape[1]!);
  const count = x.data.length / mean.length;
  const means = new Float64Array(mean.length);
  eachElement(x, (i, n, c) => (means[of(n, c)]! += x.data[i]! / count));
  const variances = new Float64Array(mean.length);
  eachElement(x, (i, n, c) => (variances[of(n, c)]! += (x.data[i]! - means[of(n, c)]!) ** 2 / count));
  const scales = variances.map((variance) => 1 / Math.sqrt(variance + attrs.eps));
  eachElement(
    x,
    (i, n, c) => (y.data[i] = activation(gamma[c]! * (x.data[i]! - means[of(n, c)]!) * scales[of(n, c)]! + beta[c]!)),
  );
  mean.set(means);
  rstd.set(scales);
}

export const normKernel: KernelOf<'norm'> = {
  run: (context) => normWith(context, (z) => z),
};
