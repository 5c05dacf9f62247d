/** Cases of dropout, assign, sgdUpdate, adamwUpdate and gradient clipping: several steps, states compared at the end. */

import { gradients } from '../../autodiff/gradients.js';
import { assign } from '../../ops/assign.js';
import { adamwUpdate } from '../../ops/adamw-update.js';
import { add, binary, div, mul } from '../../ops/binary.js';
import { conv } from '../../ops/conv.js';
import { convTranspose } from '../../ops/conv-transpose.js';
import { dropout } from '../../ops/dropout.js';
import { fill } from '../../ops/fill.js';
import { sum } from '../../ops/reduce.js';
import { lossScaleUpdate } from '../../ops/loss-scale-update.js';
import { scale } from '../../ops/scale.js';
import { sgdUpdate } from '../../ops/sgd-update.js';
import { sumSquares } from '../../ops/sum-squares.js';
import { unary } from '../../ops/unary.js';
import type { OpCase } from '../op-case.js';

const LRS = [{ lr: 0.1 }, { lr: 0.05 }, { lr: 0.2 }];

function sgdCase(what: string, momentum: number, weightDecay: number, nesterov: boolean, factor: number): OpCase {
  return {
    op: 'sgdUpdate',
    name: `sgdUpdate/${what}`,
    inputs: {
      w: { shape: [5, 3, 1, 3, 3], role: 'parameter' },
      g: { shape: [5, 3, 1, 3, 3] },
      m: { shape: [5, 3, 1, 3, 3], role: 'state', values: { kind: 'list', values: [0] } },
    },
    build: (g, t) => {
      sgdUpdate(t['w']!, t['g']!, t['m']!, g.step('lr'), fill(g, [], factor), { momentum, weightDecay, nesterov });
      return {};
    },
    steps: LRS,
    golden: { fn: 'sgd', args: { momentum, weightDecay, nesterov, factor, lrs: [0.1, 0.05, 0.2] } },
  };
}

function adamwCase(what: string, weightDecay: number, factor: number): OpCase {
  const shape = [17, 3];
  return {
    op: 'adamwUpdate',
    name: `adamwUpdate/${what}`,
    inputs: {
      w: { shape, role: 'parameter' },
      g: { shape },
      m: { shape, role: 'state', values: { kind: 'list', values: [0] } },
      v: { shape, role: 'state', values: { kind: 'list', values: [0] } },
    },
    build: (g, t) => {
      const attrs = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay };
      adamwUpdate(t['w']!, t['g']!, t['m']!, t['v']!, g.step('lr'), fill(g, [], factor), g.step('step', 'u32'), attrs);
      return {};
    },
    steps: LRS.map((s, step) => ({ ...s, step })),
    golden: { fn: 'adamw', args: { weightDecay, factor, lrs: [0.1, 0.05, 0.2] } },
  };
}

/** A step whose gradients overflowed: nothing may change, whatever they hold. */
function skippedCase(op: 'sgdUpdate' | 'adamwUpdate'): OpCase {
  const shape = [7, 3];
  return {
    op,
    name: `${op}/skipped`,
    inputs: {
      w: { shape, role: 'parameter' },
      g: { shape, values: { kind: 'list', values: [1, NaN, Infinity, -Infinity] } },
      m: { shape, role: 'state' },
      v: { shape, role: 'state', values: { kind: 'uniform', low: 0, high: 1 } },
    },
    build: (g, t) => {
      const [lr, factor] = [g.step('lr'), fill(g, [], -1)];
      if (op === 'sgdUpdate') {
        sgdUpdate(t['w']!, t['g']!, t['m']!, lr, factor, { momentum: 0.9, weightDecay: 0.1, nesterov: true });
      } else {
        const attrs = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.1 };
        adamwUpdate(t['w']!, t['g']!, t['m']!, t['v']!, lr, factor, g.step('step', 'u32'), attrs);
      }
      return {};
    },
    steps: LRS.map((s, step) => (op === 'sgdUpdate' ? s : { ...s, step })),
    sums: 0,
  };
}

function lossScaleCase(
  what: string,
  [scaleOf, streak, squares]: readonly [number, number, number],
  attrs: { readonly interval: number; readonly limit: number },
  steps = 1,
): OpCase {
  const scalar = (value: number) => ({ shape: [], values: { kind: 'list' as const, values: [value] } });
  return {
    op: 'lossScaleUpdate',
    name: `lossScaleUpdate/${what}`,
    inputs: {
      scale: { ...scalar(scaleOf), role: 'state' },
      streak: { ...scalar(streak), role: 'state' },
      squares: scalar(squares),
    },
    build: (_g, t) => lossScaleUpdate(t['scale']!, t['streak']!, t['squares']!, attrs),
    steps: Array.from({ length: steps }, () => ({})),
    sums: 0,
    nan: true,
  };
}

export const UPDATE_CASES: readonly OpCase[] = [
  skippedCase('sgdUpdate'),
  skippedCase('adamwUpdate'),
  lossScaleCase('good', [1024, 3, 5e6], { interval: 2000, limit: 0 }),
  lossScaleCase('clipped', [1024, 3, 5e9], { interval: 2000, limit: 12 }),
  lossScaleCase('grows', [1024, 1, 0], { interval: 2, limit: 12 }, 4),
  lossScaleCase('grows-no-more', [2 ** 24, 1, 1], { interval: 1, limit: 0 }),
  lossScaleCase('overflow', [1024, 7, Infinity], { interval: 2000, limit: 12 }, 3),
  lossScaleCase('not-a-number', [3, 7, NaN], { interval: 2000, limit: 0 }, 2),
  lossScaleCase('no-overflow-of-the-scale', [1, 7, NaN], { interval: 2000, limit: 12 }),
  sgdCase('nesterov-0.99', 0.99, 3e-5, true, 1),
  sgdCase('momentum-decay', 0.9, 0.1, false, 0.5),
  sgdCase('plain', 0, 0, false, 1),
  adamwCase('decay', 0.01, 1),
  adamwCase('scaled', 0, 0.25),
  {
    // Clip to norm 0.5 before the step: factor = min(1, 0.5 / norm).
    op: 'sgdUpdate',
    name: 'sgdUpdate/clipped',
    inputs: {
      w: { shape: [3, 5], role: 'parameter' },
      g: { shape: [3, 5] },
      m: { shape: [3, 5], role: 'state', values: { kind: 'list', values: [0] } },
    },
    build: (g, t) => {
      const norm = unary('sqrt', sumSquares([t['g']!]));
      const factor = binary('min', fill(g, [], 1), div(fill(g, [], 0.5), norm));
      sgdUpdate(t['w']!, t['g']!, t['m']!, g.step('lr'), factor, { momentum: 0.9, weightDecay: 0, nesterov: true });
      return { norm };
    },
    steps: LRS,
    sums: 15,
    golden: { fn: 'sgdClipped', args: { momentum: 0.9, maxNorm: 0.5, lrs: [0.1, 0.05, 0.2] } },
  },
  {
    // Derived copies of the weights must follow the updates: the third step's result depends on two of them.
    op: 'sgdUpdate',
    name: 'sgdUpdate/trains-a-network',
    inputs: {
      x: { shape: [1, 3, 4, 5, 6] },
      w1: { shape: [16, 3, 3, 3, 3], role: 'parameter', values: { kind: 'uniform', low: -0.2, high: 0.2 } },
      w2: { shape: [16, 2, 2, 2, 2], role: 'parameter', values: { kind: 'uniform', low: -0.2, high: 0.2 } },
      m1: { shape: [16, 3, 3, 3, 3], role: 'state', values: { kind: 'list', values: [0] } },
      m2: { shape: [16, 2, 2, 2, 2], role: 'state', values: { kind: 'list', values: [0] } },
    },
    build: (g, t) => {
      const hidden = unary('tanh', conv(t['x']!, t['w1']!, undefined, { stride: 2, padding: 1 }));
      const y = convTranspose(hidden, t['w2']!, undefined, { stride: 2 });
      const loss = scale(sum(mul(y, y)), 0.01);
      const [g1, g2] = gradients(loss, [t['w1']!, t['w2']!]);
      const attrs = { momentum: 0.9, weightDecay: 0.01, nesterov: true };
      g.phase('update', () => {
        const one = fill(g, [], 1);
        sgdUpdate(t['w1']!, g1!, t['m1']!, g.step('lr'), one, attrs);
        sgdUpdate(t['w2']!, g2!, t['m2']!, g.step('lr'), one, attrs);
      });
      return { loss, y };
    },
    steps: LRS,
    sums: 288,
    golden: { fn: 'trainsNetwork', args: { momentum: 0.9, weightDecay: 0.01, lrs: [0.1, 0.05, 0.2] } },
  },
  {
    op: 'assign',
    name: 'assign/counts',
    inputs: { x: { shape: [2, 3, 2, 3] }, s: { shape: [2, 3, 2, 3], role: 'state' } },
    build: (_g, t) => {
      assign(t['s']!, add(scale(t['s']!, 0.5), t['x']!));
      return {};
    },
    steps: [{}, {}, {}],
    golden: { fn: 'assign', args: { steps: 3 } },
  },
];

export const DROPOUT_CASES: readonly OpCase[] = (
  [
    ['3d', [2, 3, 3, 4, 5], 0.3, { seed: 7, step: 3 }],
    ['odd', [1, 17, 3, 3], 0.5, { seed: 4294967295, step: 4294967294 }],
    ['vector', [37], 0.9, { seed: 0, step: 0 }],
  ] as const
).map(([what, shape, p, step]): OpCase => ({
  op: 'dropout',
  name: `dropout/${what}`,
  inputs: { x: { shape } },
  // The same mask in the backward pass: the gradient is that of a fixed linear map.
  build: (g, t) => ({ y: g.scope('net', () => dropout(t['x']!, p, 'drop')) }),
  steps: [step],
  gradient: ['x'],
  bf16: ['x'],
  term: 10,
  golden: { fn: 'dropout', args: { p, key: 'net.drop', seed: step.seed, step: step.step } },
}));
