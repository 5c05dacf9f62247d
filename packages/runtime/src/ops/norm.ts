/**
 * Normalisation by statistics of the operand: y = gamma * (x - mean) * rstd + beta, rstd = 1 / sqrt(var + eps) with the
 * biased variance. `group` takes one mean and variance per sample and group of C / groups consecutive channels
 * (groups = C is instance norm, groups = 1 layer norm); `batch` one per channel over the whole batch.
 *
 * Operands x, gamma [C], beta [C]. Results y, mean, rstd: [N, groups] or [1, C], f32 (two-pass or pairwise, never
 * E[x^2] - E[x]^2). y is made with mean and rstd as rounded to f32, so that it can be made again from them (`normApply`).
 */

import { elementCount } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import type { InferCall, OpDefinition, TensorType } from './op.js';
import type { AttrSchema, AttrsOf } from './schema.js';

export const NORM_MODES = ['group', 'batch'] as const;

const attrs = { mode: NORM_MODES, groups: 'int', eps: 'float' } as const satisfies AttrSchema;

/** Result types of all forward norms. @internal */
export function inferNorm(
  call: InferCall<{ readonly mode: (typeof NORM_MODES)[number]; readonly groups: number; readonly eps: number }>,
): readonly TensorType[] {
  const { inputs, attrs: a, fail } = call;
  const [x, gamma, beta] = inputs;
  if (!x || !gamma || !beta || inputs.length !== 3) return fail('expects x, gamma and beta');
  if (x.shape.length < 2) return fail('expects at least axes N and C');
  const c = x.shape[1]!;
  if (elementCount(gamma.shape) !== c || elementCount(beta.shape) !== c) fail(`gamma and beta must be [${c}]`);
  if (a.mode === 'group' && (a.groups < 1 || c % a.groups))
    fail(`groups ${a.groups} must divide ${c} channels (axis 1)`);
  if (!(a.eps > 0)) fail(`eps must be positive, got ${a.eps}`);
  const stats: TensorType = { shape: a.mode === 'group' ? [x.shape[0]!, a.groups] : [1, c], dtype: 'f32' };
  return [x, stats, stats];
}

export const normOp: OpDefinition<typeof attrs> = {
  name: 'norm',
  attrs,
  onePass: true,
  infer: inferNorm,
  gradient({ inputs, outputs, grads, attrs: a, needs }) {
    const dy = grads[0];
    if (!dy) return [null, null, null];
    const [x, gamma] = [inputs[0]!, inputs[1]!];
    const [dx, dgamma, dbeta] = x.graph.emit('normGrad', [x, gamma, outputs[1]!, outputs[2]!, dy], a);
    return [needs[0] ? dx! : null, dgamma!, dbeta!];
  },
  inPlace: () => [[0, 0]],
  replay: {
    kept: [1, 2],
    emit: ([x, gamma, beta], [, mean, rstd], { mode, groups }) => [
      x!.graph.emit('normApply', [x!, gamma!, beta!, mean!, rstd!], { mode, groups, slope: 1, to: 'same' })[0]!,
      null,
      null,
    ],
  },
  flops: ({ inputs }) => 7 * elementCount(inputs[0]!.shape),
};

/** y, mean and rstd of a norm. */
export interface NormResult {
  readonly y: Tensor;
  readonly mean: Tensor;
  readonly rstd: Tensor;
}

/** Normalise and also give the statistics that were used. */
export function normWithStatistics(x: Tensor, gamma: Tensor, beta: Tensor, a: AttrsOf<typeof attrs>): NormResult {
  const [y, mean, rstd] = x.graph.emit('norm', [x, gamma, beta], a);
  return { y: y!, mean: mean!, rstd: rstd! };
}

/**
 * Instance normalisation: statistics per sample and channel over the spatial axes.
 * @param x - `[N, C, ...]`; more than one voxel per channel. @param gamma - `[C]` f32. @param beta - `[C]` f32.
 * @see Ulyanov et al. 2016 (arXiv 1607.08022)
 */
export function instanceNorm(x: Tensor, gamma: Tensor, beta: Tensor, eps = 1e-5): Tensor {
  return normWithStatistics(x, gamma, beta, { mode: 'group', groups: x.shape[1]!, eps }).y;
}

/** Group normalisation. @see Wu and He 2018 (arXiv 1803.08494) */
export function groupNorm(x: Tensor, gamma: Tensor, beta: Tensor, groups: number, eps = 1e-5): Tensor {
  return normWithStatistics(x, gamma, beta, { mode: 'group', groups, eps }).y;
}

/** Layer normalisation over channels and space of every sample (group norm with one group). */
export function layerNorm(x: Tensor, gamma: Tensor, beta: Tensor, eps = 1e-5): Tensor {
  return normWithStatistics(x, gamma, beta, { mode: 'group', groups: 1, eps }).y;
}
