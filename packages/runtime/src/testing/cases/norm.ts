/** Cases of norm, batch norm and the fused norm + activation. */

import { elementCount, type Shape } from '../../graph/shape.js';
import { batchNorm } from '../../ops/batch-norm.js';
import { normWithStatistics } from '../../ops/norm.js';
import { leakyRelu } from '../../ops/unary.js';
import type { Distribution } from '../test-data.js';
import type { InputSpec, OpCase } from '../op-case.js';

interface NormSpec {
  readonly shape: Shape;
  readonly mode: 'group' | 'batch';
  readonly groups: number;
  readonly eps?: number;
  readonly values?: Distribution;
  readonly term?: number;
}

/** Elements one mean is taken over. */
function groupSize(s: NormSpec): number {
  return elementCount(s.shape) / (s.mode === 'group' ? s.shape[0]! * s.groups : s.shape[1]!);
}

function operands(s: NormSpec): Record<string, InputSpec> {
  const c = s.shape[1]!;
  return {
    x: { shape: s.shape, ...(s.values ? { values: s.values } : {}) },
    gamma: { shape: [c], role: 'parameter', values: { kind: 'awayFromZero', gap: 0.3, high: 1.5 } },
    beta: { shape: [c], role: 'parameter' },
  };
}

function normCase(what: string, s: NormSpec): OpCase {
  const { mode, groups, eps = 1e-5 } = s;
  return {
    op: 'norm',
    name: `norm/${what}`,
    inputs: operands(s),
    build: (_g, t) => ({ ...normWithStatistics(t['x']!, t['gamma']!, t['beta']!, { mode, groups, eps }) }),
    gradient: ['x', 'gamma', 'beta'],
    loss: ['y'],
    sums: groupSize(s),
    gradientSums: elementCount(s.shape) / Math.min(s.shape[1]!, s.mode === 'group' ? s.groups : s.shape[1]!),
    term: s.term ?? 1,
    bf16: ['x'],
    golden: { fn: 'norm', args: { mode, groups, eps } },
  };
}

const SHAPES: readonly (readonly [string, NormSpec])[] = [
  ['instance-3d', { shape: [2, 5, 3, 4, 5], mode: 'group', groups: 5 }],
  ['instance-odd-channels', { shape: [1, 17, 3, 3, 3], mode: 'group', groups: 17 }],
  ['instance-2d', { shape: [2, 3, 7, 5], mode: 'group', groups: 3 }],
  ['group-3d', { shape: [2, 6, 2, 3, 5], mode: 'group', groups: 3 }],
  ['layer-3d', { shape: [2, 5, 2, 3, 4], mode: 'group', groups: 1 }],
  ['batch-3d', { shape: [3, 5, 2, 3, 4], mode: 'batch', groups: 5 }],
];

export const NORM_CASES: readonly OpCase[] = [
  ...SHAPES.map(([what, s]) => normCase(what, s)),
  normCase('instance-16-channels', { shape: [2, 16, 4, 4, 4], mode: 'group', groups: 16 }),
  normCase('instance-one-channel', { shape: [2, 1, 3, 5, 7], mode: 'group', groups: 1 }),
  normCase('layer-rank2', { shape: [3, 17], mode: 'group', groups: 1 }),
  normCase('batch-2d', { shape: [2, 3, 5, 4], mode: 'batch', groups: 3 }),
  normCase('large-eps', { shape: [1, 3, 4, 4], mode: 'group', groups: 3, eps: 0.5 }),
];

/**
 * Mean 1000, deviation 0.6: E[x^2] - E[x]^2 in fp32 would lose every digit of the variance. x itself is given to 6e-5,
 * which is 1e-4 of the deviation, and so are the results of any fp32 rule that first subtracts the mean.
 */
export const NORM_OFFSET_CASES: readonly OpCase[] = [
  {
    ...normCase('large-offset', {
      shape: [1, 3, 4, 5, 6],
      mode: 'group',
      groups: 3,
      values: { kind: 'uniform', low: 999, high: 1001 },
      term: 4,
    }),
    gradient: [],
    loss: [],
    bf16: [],
  },
];

function fusedCase(what: string, s: NormSpec, slope: number): OpCase {
  const { mode, groups, eps = 1e-5 } = s;
  const attrs = { mode, groups, eps, slope, to: 'same' } as const;
  return {
    op: 'normAct',
    name: `normAct/${what}`,
    inputs: operands(s),
    build: (g, t) => {
      const [y, mean, rstd] = g.emit('normAct', [t['x']!, t['gamma']!, t['beta']!], attrs);
      return { y: y!, mean: mean!, rstd: rstd! };
    },
    sums: groupSize(s),
    bf16: ['x'],
    golden: { fn: 'norm', args: { mode, groups, eps, slope } },
  };
}

function fusedGradCase(what: string, s: NormSpec, slope: number): OpCase {
  const { mode, groups, eps = 1e-5 } = s;
  return {
    op: 'normActGrad',
    name: `normActGrad/${what}`,
    inputs: { ...operands(s), dy: { shape: s.shape } },
    build: (g, t) => {
      const [x, gamma, beta] = [t['x']!, t['gamma']!, t['beta']!];
      const { mean, rstd } = normWithStatistics(x, gamma, beta, { mode, groups, eps });
      const [dx, dgamma, dbeta] = g.emit('normActGrad', [x, gamma, beta, mean, rstd, t['dy']!], {
        mode,
        groups,
        eps,
        slope,
      });
      return { dx: dx!, dgamma: dgamma!, dbeta: dbeta! };
    },
    sums: elementCount(s.shape) / Math.min(s.shape[1]!, mode === 'group' ? groups : s.shape[1]!),
    golden: { fn: 'normActGrad', args: { mode, groups, eps, slope } },
  };
}

/** A norm and an activation as a network has them: backends that offer the fusion run it here, forward and backward. */
function chainCase(what: string, s: NormSpec, slope: number): OpCase {
  const { mode, groups, eps = 1e-5 } = s;
  return {
    ...normCase(`then-leaky-relu-${what}`, s),
    build: (_g, t) => {
      const { y } = normWithStatistics(t['x']!, t['gamma']!, t['beta']!, { mode, groups, eps });
      return { y: leakyRelu(y, slope) };
    },
    noDifferences: true,
    golden: { fn: 'norm', args: { mode, groups, eps, slope } },
  };
}

export const NORM_ACT_CASES: readonly OpCase[] = [
  ...SHAPES.map(([what, s], i) => chainCase(what, s, i % 2 ? 0 : 0.01)),
  ...SHAPES.map(([what, s], i) => fusedCase(what, s, i % 2 ? 0 : 0.01)),
  ...SHAPES.map(([what, s], i) => fusedGradCase(what, s, i % 2 ? 0 : 0.01)),
];

export const BATCH_NORM_CASES: readonly OpCase[] = [true, false].map((training): OpCase => ({
  op: training ? 'assign' : 'binary',
  name: training ? 'assign/batch-norm-training-3-steps' : 'binary/batch-norm-inference',
  inputs: {
    x: { shape: [2, 5, 3, 4] },
    gamma: { shape: [5], role: 'parameter' },
    beta: { shape: [5], role: 'parameter' },
    mean: { shape: [1, 5], role: 'state' },
    variance: { shape: [1, 5], role: 'state', values: { kind: 'uniform', low: 0.5, high: 2 } },
  },
  build: (_g, t) => ({ y: batchNorm(t['x']!, t['gamma']!, t['beta']!, t['mean']!, t['variance']!, { training }) }),
  ...(training ? { steps: [{}, {}, {}] } : {}),
  sums: 24,
  golden: { fn: 'batchNorm', args: { training, steps: training ? 3 : 1 } },
}));
