/** Cases of pool, resize, concat, slice, pad, reshape and permute. */

import type { Shape } from '../../graph/shape.js';
import { concat } from '../../ops/concat.js';
import { pad } from '../../ops/pad.js';
import { permute } from '../../ops/permute.js';
import { avgPool, maxPool, type PoolOptions } from '../../ops/pool.js';
import type { PerAxis } from '../../ops/conv-shape.js';
import { reshape } from '../../ops/reshape.js';
import { resize } from '../../ops/resize.js';
import { slice } from '../../ops/slice.js';
import type { OpCase } from '../op-case.js';

function poolCase(kind: 'max' | 'avg', what: string, shape: Shape, kernel: PerAxis, options: PoolOptions = {}): OpCase {
  const rank = shape.length - 2;
  const all = typeof kernel === 'number' ? kernel ** rank : kernel.reduce((a, b) => a * b, 1);
  const list = Array.isArray(kernel) ? kernel : new Array<number>(rank).fill(kernel as number);
  return {
    op: 'pool',
    name: `pool/${kind}-${what}`,
    inputs: {
      x: {
        shape,
        values: kind === 'max' ? { kind: 'distinct', spacing: 0.125 } : { kind: 'uniform', low: -1, high: 1 },
      },
    },
    build: (_g, t) => ({ y: kind === 'max' ? maxPool(t['x']!, kernel, options) : avgPool(t['x']!, kernel, options) }),
    gradient: ['x'],
    sums: kind === 'max' ? 0 : all,
    gradientSums: all,
    bf16: ['x'],
    golden: {
      fn: 'pool',
      args: {
        kind,
        kernel: list,
        stride: options.stride ?? list,
        padding: options.padding ?? 0,
        countPadding: options.countPadding ?? true,
      },
    },
  };
}

export const POOL_CASES: readonly OpCase[] = [
  ...(['max', 'avg'] as const).flatMap((kind) => [
    poolCase(kind, '3d-2', [2, 3, 4, 5, 6], 2),
    poolCase(kind, '3d-3-stride2-padding1', [1, 5, 5, 6, 7], 3, { stride: 2, padding: 1 }),
    poolCase(kind, '3d-kernel122', [2, 1, 3, 4, 7], [1, 2, 2]),
    poolCase(kind, '3d-overlapping', [1, 17, 3, 4, 3], 2, { stride: 1 }),
    poolCase(kind, '3d-aniso-padding', [1, 3, 5, 4, 6], [2, 3, 3], { stride: [1, 2, 3], padding: [0, 1, 1] }),
    poolCase(kind, '2d-2', [2, 5, 7, 6], 2),
    poolCase(kind, '2d-3-stride2-padding1', [1, 3, 8, 9], 3, { stride: 2, padding: 1 }),
  ]),
  poolCase('avg', '3d-without-padding', [2, 3, 5, 4, 5], 3, { stride: 2, padding: 1, countPadding: false }),
  poolCase('avg', '2d-without-padding', [1, 5, 5, 7], [2, 3], { stride: [2, 1], padding: [1, 1], countPadding: false }),
  {
    // The first of equals, in D, H, W order, gets the gradient; no central differences at a tie.
    op: 'poolGrad',
    name: 'poolGrad/max-ties',
    inputs: {
      x: { shape: [1, 3, 4, 5, 6], values: { kind: 'list', values: [1, 0, 1, 1, -1, 0, 1] } },
      dy: { shape: [1, 3, 3, 2, 3] },
    },
    build: (g, t) => ({
      dx: g.emit('poolGrad', [t['x']!, t['dy']!], {
        kind: 'max',
        kernel: [2, 3, 2],
        stride: [1, 2, 2],
        padBefore: [0, 0, 0],
        padAfter: [0, 0, 0],
        countPadding: true,
      })[0]!,
    }),
    sums: 4,
    golden: { fn: 'poolGradTies', args: { kernel: [2, 3, 2], stride: [1, 2, 2] } },
  },
  {
    // Windows that tile the operand, which backends take another way.
    op: 'poolGrad',
    name: 'poolGrad/max-ties-in-tiles',
    inputs: {
      x: { shape: [2, 3, 4, 6, 6], values: { kind: 'list', values: [1, 0, 1, 1, -1, 0, 1] } },
      dy: { shape: [2, 3, 2, 2, 3] },
    },
    build: (g, t) => ({
      dx: g.emit('poolGrad', [t['x']!, t['dy']!], {
        kind: 'max',
        kernel: [2, 3, 2],
        stride: [2, 3, 2],
        padBefore: [0, 0, 0],
        padAfter: [0, 0, 0],
        countPadding: true,
      })[0]!,
    }),
    sums: 0,
    bf16: ['dy', 'x'],
    golden: { fn: 'poolGradTies', args: { kernel: [2, 3, 2], stride: [2, 3, 2] } },
  },
  {
    op: 'pool',
    name: 'pool/max-nan-and-infinity',
    inputs: {
      x: {
        shape: [1, 3, 4, 6],
        values: { kind: 'list', values: [1, NaN, -Infinity, 2, 0, -1, -Infinity, -Infinity, 3, Infinity, -2] },
      },
    },
    build: (_g, t) => ({ y: maxPool(t['x']!, 2) }),
    sums: 0,
    nan: true,
    golden: { fn: 'pool', args: { kind: 'max', kernel: [2, 2], stride: [2, 2], padding: 0, countPadding: true } },
  },
];

function resizeCase(mode: 'nearest' | 'linear', what: string, shape: Shape, size: readonly number[]): OpCase {
  const ratio = shape.slice(2).reduce((n, s, i) => n * Math.ceil(size[i]! / s + 1), 1);
  return {
    op: 'resize',
    name: `resize/${mode}-${what}`,
    inputs: { x: { shape } },
    build: (_g, t) => ({ y: resize(t['x']!, size, mode) }),
    gradient: ['x'],
    sums: mode === 'nearest' ? 0 : 8,
    gradientSums: 2 * ratio,
    bf16: ['x'],
    golden: { fn: 'resize', args: { mode, size } },
  };
}

export const RESIZE_CASES: readonly OpCase[] = [
  ...(['nearest', 'linear'] as const).flatMap((mode) => [
    resizeCase(mode, '3d-double', [2, 3, 3, 2, 4], [6, 4, 8]),
    resizeCase(mode, '3d-up-odd', [1, 5, 3, 4, 5], [7, 5, 9]),
    resizeCase(mode, '3d-down-odd', [2, 1, 7, 9, 5], [3, 4, 3]),
    resizeCase(mode, '3d-mixed', [1, 17, 3, 5, 2], [2, 5, 3]),
    resizeCase(mode, '3d-from-one-voxel', [1, 3, 1, 1, 2], [3, 2, 5]),
    resizeCase(mode, '2d-up', [2, 3, 4, 3], [9, 7]),
    resizeCase(mode, '2d-down', [1, 5, 9, 10], [4, 3]),
  ]),
  {
    op: 'resize',
    name: 'resize/nearest-labels',
    inputs: { x: { shape: [2, 1, 5, 6, 7], dtype: 'u8', values: { kind: 'labels', classes: 4 } } },
    build: (_g, t) => ({ y: resize(t['x']!, [3, 3, 4], 'nearest') }),
    sums: 0,
    golden: { fn: 'resize', args: { mode: 'nearest', size: [3, 3, 4] } },
  },
];

export const CONCAT_CASES: readonly OpCase[] = (
  [
    [
      'channels-3d',
      [
        [2, 3, 2, 3, 4],
        [2, 5, 2, 3, 4],
      ],
      1,
    ],
    [
      'channels-three',
      [
        [1, 1, 3, 4],
        [1, 16, 3, 4],
        [1, 2, 3, 4],
      ],
      1,
    ],
    [
      'batch',
      [
        [2, 3, 2, 3, 2],
        [1, 3, 2, 3, 2],
      ],
      0,
    ],
    [
      'width',
      [
        [2, 3, 2, 3],
        [2, 3, 2, 4],
      ],
      3,
    ],
    [
      'depth',
      [
        [1, 3, 2, 3, 2],
        [1, 3, 3, 3, 2],
      ],
      2,
    ],
    [
      'rank2',
      [
        [3, 4],
        [3, 2],
      ],
      1,
    ],
    ['vector', [[5], [3], [1]], 0],
  ] as const
).map(([what, shapes, axis]): OpCase => ({
  op: 'concat',
  name: `concat/${what}`,
  inputs: Object.fromEntries((shapes as readonly Shape[]).map((shape, i) => [`x${i}`, { shape }])),
  build: (_g, t) => ({ y: concat(Object.values(t), axis) }),
  gradient: shapes.map((_, i) => `x${i}`),
  sums: 0,
  bf16: shapes.map((_, i) => `x${i}`),
  golden: { fn: 'concat', args: { axis } },
}));

export const SLICE_CASES: readonly OpCase[] = (
  [
    ['crop-3d', [2, 5, 4, 5, 6], [0, 0, 1, 2, 0], [2, 5, 2, 3, 5]],
    ['channels', [1, 17, 3, 4], [0, 5, 0, 0], [1, 3, 3, 4]],
    ['batch', [3, 2, 2, 3], [1, 0, 0, 0], [1, 2, 2, 3]],
    ['corner', [2, 3, 3, 3, 3], [1, 2, 2, 2, 2], [1, 1, 1, 1, 1]],
    ['matrix', [4, 7], [1, 3], [2, 4]],
    ['vector', [9], [2], [5]],
  ] as const
).map(([what, shape, start, size]): OpCase => ({
  op: 'slice',
  name: `slice/${what}`,
  inputs: { x: { shape } },
  build: (_g, t) => ({ y: slice(t['x']!, start, size) }),
  gradient: ['x'],
  sums: 0,
  bf16: ['x'],
  golden: { fn: 'slice', args: { start, size } },
}));

export const PAD_CASES: readonly OpCase[] = (
  [
    ['space-3d', [2, 3, 2, 3, 4], [0, 0, 1, 0, 2], [0, 0, 0, 2, 1], 0],
    ['value', [1, 5, 3, 4], [0, 0, 1, 1], [0, 0, 1, 1], -1.5],
    ['channels', [2, 3, 3, 2], [0, 1, 0, 0], [0, 2, 0, 0], 0],
    ['batch', [1, 3, 2, 2], [1, 0, 0, 0], [2, 0, 0, 0], 0.5],
    ['vector', [5], [3], [1], 2],
  ] as const
).map(([what, shape, before, after, value]): OpCase => ({
  op: 'pad',
  name: `pad/${what}`,
  inputs: { x: { shape } },
  build: (_g, t) => ({ y: pad(t['x']!, before, after, value) }),
  gradient: ['x'],
  sums: 0,
  bf16: ['x'],
  golden: { fn: 'pad', args: { before, after, value } },
}));

export const RESHAPE_CASES: readonly OpCase[] = (
  [
    ['flatten-3d', [2, 3, 2, 3, 4], [2, 72]],
    ['unflatten-3d', [2, 60], [2, 5, 3, 2, 2]],
    ['split-channels', [1, 6, 3, 4], [1, 2, 3, 3, 4]],
    ['merge-batch', [2, 3, 4, 5], [1, 6, 4, 5]],
    ['to-vector', [1, 5, 2, 3], [30]],
    ['to-scalar', [1, 1, 1], []],
    ['one-channel', [2, 1, 3, 4], [2, 12]],
  ] as const
).map(([what, from, to]): OpCase => ({
  op: 'reshape',
  name: `reshape/${what}`,
  inputs: { x: { shape: from } },
  build: (_g, t) => ({ y: reshape(t['x']!, to) }),
  gradient: ['x'],
  sums: 0,
  bf16: ['x'],
  golden: { fn: 'reshape', args: { shape: to } },
}));

export const PERMUTE_CASES: readonly OpCase[] = (
  [
    ['channels-last', [2, 3, 2, 4, 5], [0, 2, 3, 4, 1]],
    ['batch-to-channels', [2, 5, 3, 4], [1, 0, 2, 3]],
    ['reverse', [2, 3, 4, 5], [3, 2, 1, 0]],
    ['spatial', [1, 3, 2, 5, 4], [0, 1, 4, 2, 3]],
    ['transpose', [3, 7], [1, 0]],
    ['rank3', [2, 5, 3], [2, 0, 1]],
  ] as const
).map(([what, shape, axes]): OpCase => ({
  op: 'permute',
  name: `permute/${what}`,
  inputs: { x: { shape } },
  build: (_g, t) => ({ y: permute(t['x']!, axes) }),
  gradient: ['x'],
  sums: 0,
  bf16: ['x'],
  golden: { fn: 'permute', args: { axes } },
}));
