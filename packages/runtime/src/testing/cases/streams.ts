/** Cases of fixed-point streams: quantize, dequantize, couple, their monitoring, and norms and maxima of fixed-point tensors. */

import { addLimit, START_EXPONENT } from '../../ops/fixed-point.js';
import { FLOATS, type FixedDType, type FloatDType } from '../../graph/dtype.js';
import type { GraphBuilder } from '../../graph/builder.js';
import { elementCount, type Shape } from '../../graph/shape.js';
import type { Tensor } from '../../graph/tensor.js';
import { dequantize } from '../../ops/dequantize.js';
import { maxPool } from '../../ops/pool.js';
import { quantize } from '../../ops/quantize.js';
import type { InputSpec, OpCase } from '../op-case.js';
import type { Distribution } from '../test-data.js';

const TYPES = ['q16', 'q32'] as const;
const WIDE: Distribution = { kind: 'uniform', low: -3, high: 3 };

/** Every integer of a dtype: sums of them wrap around. */
const FULL: Readonly<Record<FixedDType, Distribution>> = {
  q16: { kind: 'integers', low: -(2 ** 15), high: 2 ** 15 - 1 },
  q32: { kind: 'integers', low: -(2 ** 31), high: 2 ** 31 - 1 },
};

/** Integers that stand for numbers within +-4 on the grid a network starts with. */
const FEW: Readonly<Record<FixedDType, Distribution>> = {
  q16: { kind: 'integers', low: -2048, high: 2048 },
  q32: { kind: 'integers', low: -(2 ** 22), high: 2 ** 22 },
};

/** Not a number, infinite, clamped on either grid or only on the shorter one, and ties between two integers of q16. */
const SPECIAL: Distribution = {
  kind: 'list',
  values: [
    NaN,
    Infinity,
    -Infinity,
    3e38,
    -1024.5,
    ...[1, 3, 5, 7, -1, -3, -5].map((half) => half * 2 ** -10),
    32,
    -32,
    32.125,
    0.3,
    -0.0,
    1e-40,
    1024,
    -17.71875,
  ],
};

/** Steps around the largest integer that one add may bring, ties included, as floats. */
function nearLimit(dtype: FixedDType): Distribution {
  const [limit, step] = [addLimit(dtype), 2 ** -START_EXPONENT[dtype]];
  const spacing = dtype === 'q16' ? 0.25 : 64;
  const below = [0, 1, 2, 3, 4, 5, -1, -2].map((steps) => (limit - steps * spacing) * step);
  return { kind: 'list', values: [...below, ...below.map((v) => -v), NaN, Infinity, 0.5 * step] };
}

function exponentOf(dtype: FixedDType): InputSpec {
  return { shape: [1], values: { kind: 'list', values: [START_EXPONENT[dtype]] } };
}

function quantizeCase(to: FixedDType, what: string, shape: Shape, values: Distribution): OpCase {
  return {
    op: 'quantize',
    name: `quantize/${to}-${what}`,
    inputs: { x: { shape, values }, exponent: exponentOf(to) },
    build: (g, t) => {
      const [k, stats] = g.emit('quantize', [t['x']!, t['exponent']!], { to });
      return { k: k!, stats: stats! };
    },
    sums: 0,
    bf16: ['x'],
    golden: { fn: 'quantize', args: { to } },
  };
}

/** Into the grid and out again: the gradient passes straight through, also where numbers are clamped. */
function throughGrid(op: 'quantize' | 'dequantize', to: FixedDType, out: FloatDType): OpCase {
  return {
    op,
    name: `${op}/through-${to}-to-${out}`,
    inputs: { x: { shape: [2, 5, 3, 4], values: op === 'quantize' ? SPECIAL : WIDE }, exponent: exponentOf(to) },
    build: (_g, t) => ({ y: dequantize(quantize(t['x']!, t['exponent']!, to), t['exponent']!, out) }),
    gradient: ['x'],
    noDifferences: true,
    sums: 0,
    bf16: ['x'],
    ...(out === 'f16' ? {} : { golden: { fn: 'throughGrid', args: { to, out } } }),
  };
}

export const QUANTIZE_CASES: readonly OpCase[] = TYPES.flatMap((to) => [
  quantizeCase(to, '3d', [2, 5, 3, 4, 3], WIDE),
  quantizeCase(to, 'odd-2d', [1, 17, 3, 5], WIDE),
  quantizeCase(to, 'special-values', [2, 5, 3, 4], SPECIAL),
  throughGrid('quantize', to, 'f32'),
]);

export const DEQUANTIZE_CASES: readonly OpCase[] = TYPES.flatMap((dtype) => [
  ...FLOATS.map((to): OpCase => ({
    op: 'dequantize',
    name: `dequantize/${dtype}-to-${to}`,
    inputs: { k: { shape: [2, 5, 3, 7], dtype, values: FULL[dtype] }, exponent: exponentOf(dtype) },
    build: (_g, t) => ({ x: dequantize(t['k']!, t['exponent']!, to) }),
    sums: 0,
    ...(to === 'f16' ? {} : { golden: { fn: 'dequantize', args: { to } } }),
  })),
  throughGrid('dequantize', dtype, 'f32'),
  throughGrid('dequantize', dtype, 'bf16'),
  throughGrid('dequantize', dtype, 'f16'),
]);

type Direction = 'add' | 'sub';
type Checksum = 'none' | 'input' | 'output';

function coupleCase(
  what: string,
  dtype: FixedDType,
  shape: Shape,
  direction: Direction,
  checksum: Checksum,
  values: Distribution = WIDE,
): OpCase {
  return {
    op: 'couple',
    name: `couple/${dtype}-${direction}-${what}`,
    inputs: {
      k: { shape, dtype, values: FULL[dtype] },
      f: { shape, values },
      exponent: exponentOf(dtype),
    },
    build: (g, t) => {
      const [k, stats, sum] = g.emit('couple', [t['k']!, t['f']!, t['exponent']!], { direction, checksum });
      return { k: k!, stats: stats!, checksum: sum! };
    },
    sums: 0,
    bf16: ['f'],
    golden: { fn: 'couple', args: { dtype, direction, checksum } },
  };
}

/** Gradients of both operands; f has elements that are clamped, infinite or not a number. */
function coupleThrough(dtype: FixedDType, direction: Direction): OpCase {
  const shape = [2, 5, 3, 4];
  return {
    op: 'couple',
    name: `couple/${dtype}-${direction}-through`,
    inputs: { x: { shape, values: WIDE }, f: { shape, values: SPECIAL }, exponent: exponentOf(dtype) },
    build: (g, t) => {
      const k = quantize(t['x']!, t['exponent']!, dtype);
      const [sum] = g.emit('couple', [k, t['f']!, t['exponent']!], { direction, checksum: 'none' });
      return { y: dequantize(sum!, t['exponent']!) };
    },
    gradient: ['x', 'f'],
    noDifferences: true,
    sums: 0,
    bf16: ['f'],
    golden: { fn: 'coupleThrough', args: { dtype, direction } },
  };
}

export const COUPLE_CASES: readonly OpCase[] = [
  ...TYPES.flatMap((dtype) =>
    (['add', 'sub'] as const).flatMap((direction) => [
      coupleCase('3d', dtype, [2, 7, 2, 3, 5], direction, 'input'),
      coupleCase('2d', dtype, [1, 17, 5, 3], direction, 'output'),
      coupleCase('rank2', dtype, [5, 13], direction, 'none'),
      coupleCase('special-values', dtype, [2, 5, 3, 4], direction, 'output', SPECIAL),
      coupleThrough(dtype, direction),
    ]),
  ),
  ...TYPES.flatMap((to): OpCase[] => [
    {
      op: 'coupleGrad',
      name: `coupleGrad/${to}-special-values`,
      inputs: { f: { shape: [2, 5, 3, 4], values: SPECIAL }, dy: { shape: [2, 5, 3, 4] }, exponent: exponentOf(to) },
      build: (g, t) => ({ df: g.emit('coupleGrad', [t['f']!, t['dy']!, t['exponent']!], { to, from: 'f' })[0]! }),
      sums: 0,
      bf16: ['f', 'dy'],
      golden: { fn: 'coupleGrad', args: { to } },
    },
    {
      op: 'coupleGrad',
      name: `coupleGrad/${to}-states`,
      inputs: {
        before: { shape: [2, 5, 3, 7], dtype: to, values: FULL[to] },
        after: { shape: [2, 5, 3, 7], dtype: to, values: FULL[to] },
        dy: { shape: [2, 5, 3, 7] },
      },
      build: (g, t) => ({
        df: g.emit('coupleGrad', [t['before']!, t['after']!, t['dy']!], { to, from: 'states' })[0]!,
      }),
      sums: 0,
      bf16: ['dy'],
      golden: { fn: 'coupleGradStates', args: { to } },
    },
    {
      // What was added came from f: both ways to the gradient agree, at the limit too.
      op: 'coupleGrad',
      name: `coupleGrad/${to}-states-at-the-limit`,
      inputs: {
        k: { shape: [2, 5, 3, 4], dtype: to, values: FULL[to] },
        f: { shape: [2, 5, 3, 4], values: nearLimit(to) },
        dy: { shape: [2, 5, 3, 4] },
        exponent: exponentOf(to),
      },
      build: (g, t) => {
        const [k, f, dy, exponent] = [t['k']!, t['f']!, t['dy']!, t['exponent']!];
        const results = (['add', 'sub'] as const).map((direction) => {
          const [sum] = g.emit('couple', [k, f, exponent], { direction, checksum: 'none' });
          return g.emit('coupleGrad', [k, sum!, dy], { to, from: 'states' })[0]!;
        });
        const [fromF] = g.emit('coupleGrad', [f, dy, exponent], { to, from: 'f' });
        return { added: results[0]!, subtracted: results[1]!, fromF: fromF! };
      },
      sums: 0,
      golden: { fn: 'coupleGradAtLimit', args: { to } },
    },
  ]),
];

interface UpdateSpec {
  readonly bits: 16 | 32;
  readonly exponent: number;
  /** streak, quiet, calibrated; the rest of the monitor starts as noise that is overwritten. */
  readonly monitor: readonly [streak: number, quiet: number, calibrated: number];
  /** Largest |k|, near, clamped, nan of each add. */
  readonly stats: readonly (readonly [number, number, number, number])[];
  readonly steps: number;
}

function updateCase(what: string, s: UpdateSpec): OpCase {
  const stats = Object.fromEntries(
    s.stats.map((values, i): [string, InputSpec] => [`stats${i}`, { shape: [4], values: { kind: 'list', values } }]),
  );
  return {
    op: 'streamUpdate',
    name: `streamUpdate/${what}`,
    inputs: {
      exponent: { shape: [1], role: 'state', values: { kind: 'list', values: [s.exponent] } },
      monitor: { shape: [8], role: 'state', values: { kind: 'list', values: [...s.monitor, 7, 6, 5, 4, 2] } },
      ...stats,
    },
    build: (g, t) => {
      g.emit('streamUpdate', [t['exponent']!, t['monitor']!, ...s.stats.map((_, i) => t[`stats${i}`]!)], {
        bits: s.bits,
      });
      return {};
    },
    steps: Array.from({ length: s.steps }, () => ({})),
    sums: 0,
    golden: { fn: 'streamUpdate', args: { bits: s.bits, steps: s.steps } },
  };
}

export const STREAM_UPDATE_CASES: readonly OpCase[] = [
  updateCase('near-before-calibration', {
    bits: 16,
    exponent: 9,
    monitor: [0, 0, 0],
    stats: [
      [30000, 5, 2, 1],
      [100, 0, 0, 3],
    ],
    steps: 3,
  }),
  // 4 M 2^-g is a power of two.
  updateCase('calibrates', {
    bits: 16,
    exponent: 9,
    monitor: [2, 3, 0],
    stats: [
      [12000, 0, 0, 0],
      [16384, 0, 3, 0],
    ],
    steps: 1,
  }),
  updateCase('calibrates-q32', { bits: 32, exponent: 20, monitor: [0, 0, 0], stats: [[5300001, 0, 0, 0]], steps: 2 }),
  updateCase('waits-for-numbers', { bits: 16, exponent: 9, monitor: [0, 4, 0], stats: [[0, 0, 0, 0]], steps: 2 }),
  updateCase('lowers', { bits: 16, exponent: 9, monitor: [1, 0, 1], stats: [[25000, 1, 0, 0]], steps: 4 }),
  updateCase('streak-ends', { bits: 16, exponent: 9, monitor: [2, 900, 1], stats: [[20000, 0, 1, 0]], steps: 2 }),
  updateCase('raises', { bits: 32, exponent: 20, monitor: [0, 998, 1], stats: [[1e6, 0, 0, 0]], steps: 3 }),
  updateCase('raises-after-a-long-wait', {
    bits: 16,
    exponent: 9,
    monitor: [0, 1500, 1],
    stats: [[2047, 0, 0, 0]],
    steps: 2,
  }),
  updateCase('lowest', { bits: 16, exponent: 1, monitor: [0, 0, 0], stats: [[32000, 9, 0, 0]], steps: 2 }),
  updateCase('highest', { bits: 16, exponent: 14, monitor: [0, 999, 1], stats: [[3, 0, 0, 0]], steps: 1 }),
];

const SUMS: InputSpec = { shape: [2], dtype: 'u32', values: { kind: 'list', values: [3000000001, 4294967295] } };

export const CHECK_EQUAL_CASES: readonly OpCase[] = [
  {
    op: 'checkEqual',
    name: 'checkEqual/equal',
    inputs: { a: SUMS, b: SUMS },
    build: (g, t) => ({ zero: g.emit('checkEqual', [t['a']!, t['b']!], {})[0]! }),
    sums: 0,
    golden: { fn: 'zero' },
  },
];

interface NormSpec {
  readonly shape: Shape;
  readonly mode: 'group' | 'batch';
  readonly groups: number;
}

const NORMS: readonly (readonly [string, NormSpec])[] = [
  ['instance-3d', { shape: [2, 5, 3, 4, 5], mode: 'group', groups: 5 }],
  ['group-2d', { shape: [2, 6, 7, 5], mode: 'group', groups: 3 }],
  ['batch-3d', { shape: [3, 5, 2, 3, 4], mode: 'batch', groups: 5 }],
];

function affine(channels: number): Record<string, InputSpec> {
  return {
    gamma: { shape: [channels], values: { kind: 'awayFromZero', gap: 0.3, high: 1.5 } },
    beta: { shape: [channels] },
  };
}

/** Elements one mean is taken over, and rows of statistics. */
function statistics({ shape, mode, groups }: NormSpec): { readonly elements: number; readonly stats: Shape } {
  const stats = mode === 'group' ? [shape[0]!, groups] : [1, shape[1]!];
  return { elements: elementCount(shape) / elementCount(stats), stats };
}

function applyCase(what: string, s: NormSpec, slope: number, x: FixedDType | 'f32', to: 'same' | FloatDType): OpCase {
  const { shape, mode, groups } = s;
  const { stats } = statistics(s);
  const fixed = x !== 'f32';
  return {
    op: 'normApply',
    name: `normApply/${what}`,
    inputs: {
      x: fixed ? { shape, dtype: x, values: FEW[x] } : { shape, values: WIDE },
      ...affine(shape[1]!),
      mean: { shape: stats },
      rstd: { shape: stats, values: { kind: 'uniform', low: 0.3, high: 2 } },
      ...(fixed ? { exponent: exponentOf(x) } : {}),
    },
    build: (g, t) => {
      const operands = ['x', 'gamma', 'beta', 'mean', 'rstd', 'exponent'].flatMap((name) => t[name] ?? []);
      return { y: g.emit('normApply', operands, { mode, groups, slope, to })[0]! };
    },
    term: 10,
    ...(fixed ? {} : { bf16: ['x'] }),
    ...(to === 'f16' ? {} : { golden: { fn: 'normApply', args: { mode, groups, slope } } }),
  };
}

function statisticsOf(g: GraphBuilder, t: Readonly<Record<string, Tensor>>, s: NormSpec, slope: number): Tensor[] {
  const { mode, groups } = s;
  return g.emit('normAct', [t['x']!, t['gamma']!, t['beta']!, t['exponent']!], {
    mode,
    groups,
    eps: 1e-5,
    slope,
    to: 'f32',
  });
}

/** Fixed-point x, forward and backward. */
function fixedNormCases(what: string, s: NormSpec, dtype: FixedDType, slope: number): OpCase[] {
  const { shape, mode, groups } = s;
  const args = { mode, groups, eps: 1e-5, slope };
  const inputs: Record<string, InputSpec> = {
    x: { shape, dtype, values: FEW[dtype] },
    ...affine(shape[1]!),
    exponent: exponentOf(dtype),
  };
  const { elements } = statistics(s);
  return [
    {
      op: 'normAct',
      name: `normAct/${dtype}-${what}`,
      inputs,
      build: (g, t) => {
        const [y, mean, rstd] = statisticsOf(g, t, s, slope);
        return { y: y!, mean: mean!, rstd: rstd! };
      },
      sums: elements,
      golden: { fn: 'norm', args },
    },
    {
      op: 'normActGrad',
      name: `normActGrad/${dtype}-${what}`,
      inputs: { ...inputs, dy: { shape } },
      build: (g, t) => {
        const [, mean, rstd] = statisticsOf(g, t, s, slope);
        const operands = [t['x']!, t['gamma']!, t['beta']!, mean!, rstd!, t['dy']!, t['exponent']!];
        const [dx, dgamma, dbeta] = g.emit('normActGrad', operands, args);
        return { dx: dx!, dgamma: dgamma!, dbeta: dbeta! };
      },
      sums: elementCount(shape) / Math.min(shape[1]!, mode === 'group' ? groups : shape[1]!),
      golden: { fn: 'normActGrad', args },
    },
  ];
}

export const FIXED_NORM_CASES: readonly OpCase[] = [
  ...NORMS.flatMap(([what, s], i) => [
    applyCase(what, s, i % 2 ? 0 : 0.01, 'f32', 'same'),
    applyCase(`${what}-q16`, s, i % 2 ? 0.01 : 1, 'q16', 'f32'),
    applyCase(`${what}-q32`, s, i % 2 ? 1 : 0, 'q32', 'f32'),
  ]),
  applyCase('layer-rank2', { shape: [3, 17], mode: 'group', groups: 1 }, 1, 'f32', 'same'),
  applyCase('group-2d-q16-to-bf16', NORMS[1]![1], 0.1, 'q16', 'bf16'),
  applyCase('instance-3d-q32-to-bf16', NORMS[0]![1], 0.1, 'q32', 'bf16'),
  applyCase('group-2d-q16-to-f16', NORMS[1]![1], 0.1, 'q16', 'f16'),
  applyCase('instance-3d-q32-to-f16', NORMS[0]![1], 0.1, 'q32', 'f16'),
  ...TYPES.flatMap((dtype) => NORMS.flatMap(([what, s], i) => fixedNormCases(what, s, dtype, i % 2 ? 0 : 0.01))),
];

function fixedPoolCase(
  dtype: FixedDType,
  what: string,
  shape: Shape,
  kernel: readonly number[],
  stride: number,
): OpCase {
  return {
    op: 'pool',
    name: `pool/max-${dtype}-${what}`,
    inputs: { x: { shape, dtype, values: FULL[dtype] } },
    build: (_g, t) => ({ y: maxPool(t['x']!, kernel, { stride, padding: 1 }) }),
    sums: 0,
    golden: { fn: 'fixedPool', args: { kernel, stride } },
  };
}

export const FIXED_POOL_CASES: readonly OpCase[] = TYPES.flatMap((dtype): OpCase[] => [
  fixedPoolCase(dtype, '3d', [2, 3, 4, 5, 6], [2, 3, 2], 2),
  fixedPoolCase(dtype, '2d', [1, 17, 5, 4], [3, 3], 1),
  {
    op: 'pool',
    name: `pool/max-${dtype}-through`,
    inputs: { x: { shape: [2, 3, 4, 6], values: { kind: 'distinct', spacing: 0.125 } }, exponent: exponentOf(dtype) },
    build: (_g, t) => {
      const pooled = maxPool(quantize(t['x']!, t['exponent']!, dtype), 2);
      return { y: dequantize(pooled, t['exponent']!) };
    },
    gradient: ['x'],
    noDifferences: true,
    sums: 0,
    golden: { fn: 'pool', args: { kind: 'max', kernel: [2, 2], stride: [2, 2], padding: 0, countPadding: true } },
  },
  ...(
    [
      ['ties', [1, 3, 4, 5, 6], [1, 3, 3, 2, 3], [1, 2, 2]],
      ['ties-in-tiles', [1, 3, 4, 6, 6], [1, 3, 2, 2, 3], [2, 3, 2]],
    ] as const
  ).map(([what, shape, pooled, stride]): OpCase => ({
    op: 'poolGrad',
    name: `poolGrad/max-${dtype}-${what}`,
    inputs: { x: { shape, dtype, values: { kind: 'integers', low: -2, high: 1 } }, dy: { shape: pooled } },
    build: (g, t) => ({
      dx: g.emit('poolGrad', [t['x']!, t['dy']!], {
        kind: 'max',
        kernel: [2, 3, 2],
        stride: [...stride],
        padBefore: [0, 0, 0],
        padAfter: [0, 0, 0],
        countPadding: true,
      })[0]!,
    }),
    sums: 4,
    bf16: ['dy'],
    golden: { fn: 'poolGradTies', args: { kernel: [2, 3, 2], stride: [...stride] } },
  })),
]);
