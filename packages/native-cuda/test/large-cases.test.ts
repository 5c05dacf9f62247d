/**
 * Cases that reach what the small shapes of the shared table do not: sums in slices with partial sums in the scratch,
 * many chunks and operands, every unit of the copies, dtypes besides the floats.
 */

import {
  add,
  argmax,
  binary,
  broadcastTo,
  cast,
  concat,
  createReferenceBackend,
  dropout,
  matmul,
  mean,
  pad,
  permute,
  reshape,
  scale,
  slice,
  split,
  sub,
  sum,
  sumSquares,
  type DType,
  type OpName,
  type Tensor,
} from '@revoxel/runtime';
import { formatFailures, runOpCases, type OpCase } from '@revoxel/runtime/testing';
import { describe, expect, it } from 'vitest';
import { loadAddon } from '../src/addon.js';
import { createBackend } from '../src/backend.js';
import { named, notBuilt } from './built.js';

const INTEGERS = ['u8', 'q16', 'i32', 'u32', 'q32'] as const;
const RANGES = {
  u8: [0, 255],
  q16: [-(2 ** 15), 2 ** 15 - 1],
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  q32: [-(2 ** 31), 2 ** 31 - 1],
} as const;

function integersCase(
  op: OpName,
  what: string,
  dtype: (typeof INTEGERS)[number],
  shapes: readonly (readonly number[])[],
  build: (...t: Tensor[]) => Tensor,
): OpCase {
  const [low, high] = RANGES[dtype];
  return {
    op,
    name: `large/${op}-${what}-${dtype}`,
    inputs: Object.fromEntries(
      shapes.map((shape, i) => [`x${i}`, { shape, dtype, values: { kind: 'integers', low, high } }]),
    ),
    build: (_g, t) => ({ y: build(...shapes.map((_, i) => t[`x${i}`]!)) }),
    sums: 0,
  };
}

function smallIntegers(op: OpName, what: string, dtype: DType, shape: readonly number[], build: (x: Tensor) => Tensor) {
  return {
    op,
    name: `large/${op}-${what}-${dtype}`,
    inputs: { x: { shape, dtype, values: { kind: 'integers', low: 0, high: 100 } } },
    build: (_g, t) => ({ y: build(t['x']!) }),
    sums: 0,
  } satisfies OpCase;
}

function floatCase(
  op: OpName,
  what: string,
  shapes: readonly (readonly number[])[],
  build: (...t: Tensor[]) => Tensor,
  options: Partial<OpCase> = {},
): OpCase {
  return {
    op,
    name: `large/${op}-${what}`,
    inputs: Object.fromEntries(shapes.map((shape, i) => [`x${i}`, { shape }])),
    build: (_g, t) => ({ y: build(...shapes.map((_, i) => t[`x${i}`]!)) }),
    bf16: shapes.map((_, i) => `x${i}`),
    ...options,
  };
}

const SHAPES: readonly (readonly [string, readonly number[], readonly (readonly number[])[]])[] = [
  ['flat', [70001], [[0]]],
  ['packed', [2, 8, 17, 16, 16], [[0, 2, 3, 4], [1], [2, 3, 4], [0, 1, 2, 3, 4], [0], [3], [1, 3]]],
  ['odd', [3, 5, 11, 13, 17], [[0, 2, 3, 4], [1], [2, 3, 4], [0, 1, 2, 3, 4], [0], [3], [0, 1, 3]]],
  ['wide', [6, 1536, 2, 3], [[0, 2, 3], [1], [2, 3]]],
  ['one-channel', [1, 1, 40, 30, 20], [[2, 3, 4], [3], [4], [2]]],
  ['matrix', [300, 40], [[0], [1]]],
];

const CASES: readonly OpCase[] = [
  ...SHAPES.flatMap(([what, shape, lists]) =>
    lists.flatMap((axes): OpCase[] => [
      floatCase('reduce', `sum-${what}-${axes.join('')}`, [shape], (x) => sum(x, { axes }), { sums: 256 }),
      floatCase('reduce', `mean-${what}-${axes.join('')}`, [shape], (x) => mean(x, { axes, keepDims: true })),
    ]),
  ),
  // Sums that fit: what happens to others is not specified.
  smallIntegers('reduce', 'rows', 'i32', [40000], (x) => sum(x)),
  smallIntegers('reduce', 'columns', 'u32', [1, 3, 40, 40], (x) => sum(x, { axes: [2, 3] })),
  smallIntegers('reduce', 'channels', 'q16', [2, 7, 9, 5], (x) => sum(x, { axes: [1] })),
  smallIntegers('scale', 'whole', 'u8', [301], (x) => scale(x, 2, 3)),
  smallIntegers('scale', 'whole', 'i32', [301], (x) => scale(x, -20, 3)),
  floatCase('sumSquares', 'chunks', [[50001], [3, 5, 7], [16384], [1], [2, 3, 33, 9, 30]], (...x) => sumSquares(x), {
    sums: 4096,
  }),
  {
    ...floatCase(
      'sumSquares',
      'many',
      Array.from({ length: 300 }, (_, i) => [1 + (i % 7)]),
      (...x) => sumSquares(x),
    ),
    sums: 1200,
  },
  ...INTEGERS.flatMap((dtype): OpCase[] => [
    integersCase('binary', 'add', dtype, [[2, 3, 5, 7, 11], [2, 3, 5, 7, 11]], add), // prettier-ignore
    integersCase('binary', 'sub', dtype, [[2, 16, 5, 7], [2, 16, 5, 7]], sub), // prettier-ignore
    integersCase('binary', 'add-channels', dtype, [[2, 16, 5, 7], [1, 16, 1, 1]], add), // prettier-ignore
    integersCase('binary', 'sub-voxels', dtype, [[2, 1, 5, 7], [2, 16, 5, 7]], sub), // prettier-ignore
    integersCase('slice', 'odd', dtype, [[2, 5, 9, 7]], (x) => slice(x, [1, 1, 2, 0], [1, 3, 5, 7])),
    integersCase('slice', 'even', dtype, [[2, 16, 9, 8]], (x) => slice(x, [0, 8, 2, 0], [2, 8, 5, 7])),
    integersCase('pad', 'odd', dtype, [[2, 5, 3, 2]], (x) => pad(x, [0, 1, 1, 0], [1, 0, 2, 3], 7)),
    integersCase('concat', 'channels', dtype, [[2, 3, 5, 4], [2, 8, 5, 4], [2, 1, 5, 4]], (...x) => concat(x, 1)), // prettier-ignore
    integersCase('concat', 'depth', dtype, [[2, 4, 3, 4], [2, 4, 5, 4]], (...x) => concat(x, 2)), // prettier-ignore
    integersCase('permute', 'spatial', dtype, [[2, 4, 3, 5]], (x) => permute(x, [0, 1, 3, 2])),
    integersCase('permute', 'channels', dtype, [[2, 4, 3, 5]], (x) => permute(x, [3, 2, 0, 1])),
    integersCase('reshape', 'rows', dtype, [[2, 6, 3, 4]], (x) => reshape(x, [12, 12])),
    integersCase('reshape', 'uneven', dtype, [[2, 6, 3, 4]], (x) => reshape(x, [4, 9, 4])),
    integersCase('reshape', 'cut', dtype, [[2, 6, 5, 7]], (x) => reshape(x, [14, 5, 6])),
    integersCase('broadcast', 'voxels', dtype, [[2, 1, 5, 3]], (x) => broadcastTo(x, [2, 32, 5, 3])),
    integersCase('broadcast', 'samples', dtype, [[1, 16, 4, 3]], (x) => broadcastTo(x, [3, 16, 4, 3])),
    integersCase('argmax', 'classes', dtype, [[2, 9, 4, 5]], (x) => argmax(x)),
    ...(['f32', 'bf16', ...INTEGERS] as readonly DType[]).map((to) =>
      integersCase('cast', `to-${to}`, dtype, [[301]], (x) => cast(x, to)),
    ),
  ]),
  ...(['u8', 'i32', 'u32'] as const).flatMap((dtype) =>
    (['max', 'min', 'less', 'greaterEqual'] as const).map(
      (kind) =>
      integersCase('binary', kind, dtype, [[401], [401]], (a, b) => binary(kind, a, b)), // prettier-ignore
    ),
  ),
  // Ends of a block of four random words: one, two and three of them.
  ...[41, 42, 43].map((length): OpCase => ({
    op: 'dropout',
    name: `large/dropout-${length}`,
    inputs: { x: { shape: [length] } },
    build: (g, t) => ({ y: g.scope('net', () => dropout(t['x']!, 0.4, 'drop')) }),
    steps: [{ seed: 5, step: 2 }],
    bf16: ['x'],
  })),
  {
    op: 'split',
    name: 'large/split',
    inputs: { x: { shape: [2, 24, 5, 4] } },
    build: (_g, t) => {
      const [a, b, c] = split(t['x']!, [16, 5, 3]);
      return { a: a!, b: b!, c: c! };
    },
    gradient: ['x'],
    bf16: ['x'],
  },
  ...[false, true].flatMap((transposeA) =>
    [false, true].map((transposeB) =>
      floatCase(
        'matmul',
        `${transposeA ? 't' : 'n'}${transposeB ? 't' : 'n'}`,
        [transposeA ? [35, 70] : [70, 35], transposeB ? [130, 35] : [35, 130]],
        (a, b) => matmul(a, b, { transposeA, transposeB }),
        { sums: 35, gradient: ['x0', 'x1'], gradientSums: 130 },
      ),
    ),
  ),
];

describe.skipIf(notBuilt)(named('large cases'), () => {
  for (const order of ['descending', 'random'] as const) {
    for (const op of new Set(CASES.map((c) => c.op))) {
      it(`${op}, ${order}`, { timeout: 120_000 }, async () => {
        loadAddon('emulated').emulate!({ order, seed: 3 });
        const backend = await createBackend({ emulated: true });
        const cases = CASES.filter((c) => c.op === op);
        expect(formatFailures(await runOpCases(backend, { reference: createReferenceBackend(), cases }))).toBe('');
      });
    }
  }
});
