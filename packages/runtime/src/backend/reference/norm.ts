/**
 * Reference loop of `norm`: mean, then the mean of squared distances from it, both in float64; the result from both as
 * rounded to f32.
 */

import type { KernelContext, KernelOf, KernelTensor } from '../kernel.js';
import { reader } from './fixed-point.js';
import { planes } from './loops.js';
import { unaryValue } from './math.js';

interface NormAttrs {
  readonly mode: 'group' | 'batch';
  readonly groups: number;
  readonly eps: number;
}

/** Which statistic an element (sample, channel) belongs to. */
export function statisticIndex(
  { mode, groups }: Pick<NormAttrs, 'mode' | 'groups'>,
  channels: number,
): (n: number, c: number) => number {
  return mode === 'batch' ? (_, c) => c : (n, c) => n * groups + Math.floor((c * groups) / channels);
}

/** Calls `visit` for every element of a tensor of rank >= 2. */
export function eachElement(x: KernelTensor, visit: (i: number, n: number, c: number) => void): void {
  const { n, c, s } = planes(x.shape);
  let i = 0;
  for (let sample = 0; sample < n; sample++)
    for (let v = 0; v < s; v++) for (let channel = 0; channel < c; channel++) visit(i++, sample, channel);
}

/** Operands and result of a norm whose statistics are known. */
export interface NormApplication {
  readonly x: KernelTensor;
  readonly gamma: KernelTensor;
  readonly beta: KernelTensor;
  readonly mean: KernelTensor;
  readonly rstd: KernelTensor;
  /** Of the grid, when x is fixed-point. */
  readonly exponent: KernelTensor | undefined;
  readonly y: KernelTensor;
}

/**
 * y = leaky ReLU (gamma * (x - mean) * rstd + beta), from the statistics as they are stored. The one place where this is
 * written, so that `normApply` gives the bits of `norm` and `normAct`.
 */
export function applyNorm(
  attrs: Pick<NormAttrs, 'mode' | 'groups'>,
  slope: number,
  { x, gamma, beta, mean, rstd, exponent, y }: NormApplication,
): void {
  const of = statisticIndex(attrs, x.shape[1]!);
  const value = reader(x, exponent);
  eachElement(x, (i, n, c) => {
    const k = of(n, c);
    const z = gamma.data[c]! * (value(i) - mean.data[k]!) * rstd.data[k]! + beta.data[c]!;
    y.data[i] = unaryValue('leakyRelu', z, slope);
  });
}

/** The norm, followed by a leaky ReLU; slope 1 is none. */
export function normWith({ attrs, inputs, outputs }: KernelContext<NormAttrs>, slope: number): void {
  const [x, gamma, beta, exponent] = inputs;
  const [y, mean, rstd] = outputs;
  const of = statisticIndex(attrs, x!.shape[1]!);
  const value = reader(x!, exponent);
  const count = x!.data.length / mean!.data.length;
  const means = new Float64Array(mean!.data.length);
  eachElement(x!, (i, n, c) => (means[of(n, c)]! += value(i) / count));
  const variances = new Float64Array(mean!.data.length);
  eachElement(x!, (i, n, c) => (variances[of(n, c)]! += (value(i) - means[of(n, c)]!) ** 2 / count));
  mean!.data.set(means);
  rstd!.data.set(variances.map((variance) => 1 / Math.sqrt(variance + attrs.eps)));
  applyNorm(attrs, slope, { x: x!, gamma: gamma!, beta: beta!, mean: mean!, rstd: rstd!, exponent, y: y! });
}

export const normKernel: KernelOf<'norm'> = {
  run: (context) => normWith(context, 1),
};
