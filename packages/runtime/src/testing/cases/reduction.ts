/** Cases of reduce (every subset of axes), sumSquares, matmul, argmax and softmax. */

import { elementCount, type Shape } from '../../graph/shape.js';
import { argmax } from '../../ops/argmax.js';
import { matmul } from '../../ops/matmul.js';
import { mean, sum } from '../../ops/reduce.js';
import { softmax } from '../../ops/softmax.js';
import { sumSquares } from '../../ops/sum-squares.js';
import type { InputSpec, OpCase } from '../op-case.js';

function reduceCase(kind: 'sum' | 'mean', shape: Shape, axes: readonly number[], keepDims: boolean): OpCase {
  const count = axes.reduce((n, a) => n * shape[a]!, 1);
  return {
    op: 'reduce',
    name: `reduce/${kind}-${shape.join('x')}-axes${axes.join('')}${keepDims ? '-kept' : ''}`,
    inputs: { x: { shape } },
    build: (_g, t) => ({ y: kind === 'sum' ? sum(t['x']!, { axes, keepDims }) : mean(t['x']!, { axes, keepDims }) }),
    gradient: ['x'],
    sums: count,
    gradientSums: 1,
    bf16: ['x'],
    golden: { fn: 'reduce', args: { kind, axes, keepDims } },
  };
}

/** All subsets of 0..rank-1 but the empty one. */
function subsets(rank: number): number[][] {
  const axes = Array.from({ length: rank }, (_, i) => i);
  return Array.from({ length: 2 ** rank - 1 }, (_, i) => axes.filter((a) => (i + 1) & (1 << a)));
}

export const REDUCE_CASES: readonly OpCase[] = [
  ...subsets(4).map((axes, i) => reduceCase(i % 2 ? 'sum' : 'mean', [2, 5, 3, 4], axes, i % 3 === 0)),
  reduceCase('sum', [2, 3, 4, 3, 5], [0, 2, 3, 4], false),
  reduceCase('mean', [2, 17, 2, 3, 3], [2, 3, 4], true),
  reduceCase('sum', [1, 3, 7, 5, 3], [1], true),
  reduceCase('mean', [3, 7], [1], false),
  reduceCase('sum', [37], [0], false),
  reduceCase('sum', [], [], false),
];

export const SUM_SQUARES_CASES: readonly OpCase[] = [
  {
    op: 'sumSquares',
    name: 'sumSquares/list',
    inputs: { a: { shape: [2, 3, 4, 5] }, b: { shape: [17] }, c: { shape: [] }, d: { shape: [5, 3, 1, 3, 3] } },
    build: (_g, t) => ({ y: sumSquares(Object.values(t)) }),
    sums: 183,
    golden: { fn: 'sumSquares' },
  },
  {
    op: 'sumSquares',
    name: 'sumSquares/large',
    inputs: { a: { shape: [7, 1013] } },
    build: (_g, t) => ({ y: sumSquares(Object.values(t)) }),
    // Accumulated in float64: only the store rounds.
    sums: 1,
    golden: { fn: 'sumSquares' },
  },
];

function matmulCase(m: number, k: number, n: number, transposeA: boolean, transposeB: boolean): OpCase {
  return {
    op: 'matmul',
    name: `matmul/${m}x${k}x${n}${transposeA ? '-ta' : ''}${transposeB ? '-tb' : ''}`,
    inputs: { a: { shape: transposeA ? [k, m] : [m, k] }, b: { shape: transposeB ? [n, k] : [k, n] } },
    build: (_g, t) => ({ y: matmul(t['a']!, t['b']!, { transposeA, transposeB }) }),
    gradient: ['a', 'b'],
    sums: k,
    gradientSums: Math.max(m, n),
    bf16: ['a', 'b'],
    golden: { fn: 'matmul', args: { transposeA, transposeB } },
  };
}

export const MATMUL_CASES: readonly OpCase[] = [
  matmulCase(5, 7, 3, false, false),
  matmulCase(5, 7, 3, true, false),
  matmulCase(5, 7, 3, false, true),
  matmulCase(5, 7, 3, true, true),
  matmulCase(1, 17, 1, false, false),
  matmulCase(17, 1, 19, false, false),
  matmulCase(16, 32, 33, false, true),
];

export const ARGMAX_CASES: readonly OpCase[] = [
  ['3d', { shape: [2, 5, 3, 4, 5] }],
  ['ties', { shape: [2, 3, 4, 5], values: { kind: 'list', values: [0, 1, 1, 0, -1, 1, 0] } }],
  ['one-channel', { shape: [1, 1, 3, 3] }],
  ['many-channels', { shape: [1, 37, 3, 3, 2] }],
  ['rank2', { shape: [4, 6] }],
].map(([what, x]): OpCase => ({
  op: 'argmax',
  name: `argmax/${what as string}`,
  inputs: { x: x as InputSpec },
  build: (_g, t) => ({ y: argmax(t['x']!) }),
  sums: 0,
  bf16: ['x'],
  golden: { fn: 'argmax' },
}));

export const SOFTMAX_CASES: readonly OpCase[] = [
  ...(
    [
      ['3d', [2, 3, 3, 4, 5], 3],
      ['2d-17', [1, 17, 5, 3], 3],
      ['two-classes-wide', [2, 2, 3, 3, 3], 8],
      ['rank2', [5, 7], 2],
      ['one-channel', [1, 1, 2, 3], 2],
    ] as const
  ).map(([what, shape, range]): OpCase => ({
    op: 'softmax',
    name: `softmax/${what}`,
    inputs: { x: { shape, values: { kind: 'uniform', low: -range, high: range } } },
    build: (_g, t) => ({ y: softmax(t['x']!) }),
    gradient: ['x'],
    sums: elementCount(shape.slice(1, 2)),
    bf16: ['x'],
    golden: { fn: 'softmax' },
  })),
  {
    op: 'softmax',
    name: 'softmax/extreme',
    inputs: {
      x: {
        shape: [1, 3, 4, 4],
        values: { kind: 'list', values: [300, -300, 0, 88, 89, -1e4, 1e4, NaN, 5, -3e38, 3e38] },
      },
    },
    build: (_g, t) => ({ y: softmax(t['x']!) }),
    sums: 3,
    nan: true,
    golden: { fn: 'softmax' },
  },
];
