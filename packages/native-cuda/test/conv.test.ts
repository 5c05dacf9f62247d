/** Convolutions beyond one tile of the kernels: several blocks a channel, slices of voxels, pieces and groups across tiles. */

import { conv, convTranspose, createReferenceBackend, type Shape } from '@revoxel/runtime';
import { formatFailures, runOpCases, type OpCase } from '@revoxel/runtime/testing';
import { describe, expect, it } from 'vitest';
import { loadAddon } from '../src/addon.js';
import { createBackend } from '../src/backend.js';
import { notBuilt, named } from './built.js';

interface Spec {
  readonly n?: number;
  /** Input channels of every piece. */
  readonly ci: readonly number[];
  readonly co: number;
  readonly size: Shape;
  readonly kernel: Shape;
  readonly stride?: Shape;
  readonly padding?: Shape;
  readonly dilation?: Shape;
  readonly groups?: number;
  readonly bias?: boolean;
  readonly transposed?: boolean;
}

const count = (sizes: readonly number[]): number => sizes.reduce((p, s) => p * s, 1);

function caseOf(name: string, s: Spec): OpCase {
  const { n = 1, groups = 1, co, size, kernel } = s;
  const ci = s.ci.reduce((sum, c) => sum + c, 0);
  const pieces = s.ci.map((_, i) => `x${i}`);
  const options = { stride: s.stride ?? 1, padding: s.padding ?? 0, dilation: s.dilation ?? 1, groups };
  const weights = s.transposed ? [ci, co / groups, ...kernel] : [co, ci / groups, ...kernel];
  return {
    op: s.transposed ? 'convTranspose' : 'conv',
    name: `cuda/${name}`,
    inputs: {
      ...Object.fromEntries(pieces.map((x, i) => [x, { shape: [n, s.ci[i]!, ...size] }])),
      w: { shape: weights, role: 'parameter' },
      ...(s.bias ? { b: { shape: [co], role: 'parameter' } } : {}),
    },
    build: (_g, t) => ({
      y: s.transposed
        ? convTranspose(t['x0']!, t['w']!, t['b'], options)
        : conv(
            pieces.map((x) => t[x]!),
            t['w']!,
            t['b'],
            options,
          ),
    }),
    gradient: [...pieces, 'w', ...(s.bias ? ['b'] : [])],
    bf16: pieces,
    sums: (ci / groups) * count(kernel) + 1,
    gradientSums: Math.max((co / groups) * count(kernel), (s.transposed ? 8 : 1) * n * count(size)),
    noDifferences: true,
  };
}

const SAME2 = { kernel: [3, 3], padding: [1, 1], bias: true } as const;
const SAME3 = { kernel: [3, 3, 3], padding: [1, 1, 1] } as const;

const CASES: readonly OpCase[] = [
  caseOf('3d', { ...SAME3, n: 2, ci: [8], co: 40, size: [4, 7, 9], bias: true }),
  caseOf('2d-many-voxels', { ...SAME2, n: 2, ci: [4], co: 36, size: [29, 23] }),
  caseOf('2d-many-voxels-odd-channels', { ...SAME2, n: 2, ci: [3], co: 35, size: [29, 23] }),
  caseOf('3d-one-channel', { ...SAME3, n: 2, ci: [1], co: 33, size: [5, 7, 9] }),
  caseOf('pieces', { ...SAME2, n: 2, ci: [8, 4, 12], co: 8, size: [13, 17] }),
  caseOf('pieces-odd', { ...SAME2, n: 2, ci: [3, 1, 5], co: 7, size: [13, 17], padding: [1, 0] }),
  caseOf('groups', { ...SAME2, ci: [32], co: 32, size: [9, 10], groups: 2 }),
  caseOf('groups-across-pieces', { ...SAME2, ci: [20, 16], co: 40, size: [9, 10], groups: 2 }),
  caseOf('groups-across-pieces-odd', { ...SAME2, ci: [21, 15], co: 38, size: [9, 10], groups: 2 }),
  caseOf('groups-few-to-many', { ...SAME2, ci: [3, 5], co: 40, size: [9, 10], groups: 2 }),
  caseOf('groups-many-to-few', { ...SAME2, ci: [23, 17], co: 6, size: [9, 10], groups: 2 }),
  caseOf('depthwise', {
    n: 2,
    ci: [35],
    co: 70,
    size: [6, 7, 9],
    kernel: [3, 1, 3],
    padding: [1, 0, 1],
    stride: [2, 1, 2],
    groups: 35,
    bias: true,
  }),
  caseOf('strides-and-dilations', {
    n: 2,
    ci: [12],
    co: 12,
    size: [9, 10, 11],
    kernel: [3, 2, 3],
    padding: [1, 0, 2],
    stride: [2, 3, 1],
    dilation: [1, 2, 3],
    bias: true,
  }),
  caseOf('stride-beyond-kernel', {
    ci: [4],
    co: 8,
    size: [9, 10, 11],
    kernel: [2, 1, 2],
    stride: [4, 3, 5],
    bias: true,
  }),
  caseOf('stride-and-dilation-share-a-factor', {
    ci: [4],
    co: 8,
    size: [13, 14],
    kernel: [3, 3],
    stride: [4, 2],
    dilation: [2, 4],
    padding: [3, 4],
  }),
  caseOf('stride-beyond-size', { n: 2, ci: [5], co: 3, size: [3, 2], kernel: [2, 1], stride: [7, 5] }),
  caseOf('transposed', {
    n: 2,
    ci: [20],
    co: 36,
    size: [4, 5, 6],
    kernel: [2, 2, 2],
    stride: [2, 2, 2],
    bias: true,
    transposed: true,
  }),
  caseOf('transposed-odd', {
    n: 2,
    ci: [5],
    co: 7,
    size: [15, 26],
    kernel: [3, 4],
    stride: [2, 3],
    padding: [1, 1],
    bias: true,
    transposed: true,
  }),
  caseOf('transposed-groups', {
    n: 2,
    ci: [36],
    co: 36,
    size: [5, 6],
    kernel: [3, 2],
    stride: [2, 2],
    padding: [1, 0],
    groups: 2,
    bias: true,
    transposed: true,
  }),
  caseOf('1x1x1', { n: 2, ci: [32], co: 3, size: [10, 11, 12], kernel: [1, 1, 1], bias: true }),
];

describe.skipIf(notBuilt)(named('convolutions'), () => {
  for (const one of CASES) {
    it(`${one.name}, against the reference`, { timeout: 120_000 }, async () => {
      loadAddon('emulated').emulate!({ order: 'random', seed: 7 });
      const backend = await createBackend({ emulated: true });
      const reference = createReferenceBackend();
      const before = loadAddon('emulated').emulatorStats!();
      expect(formatFailures(await runOpCases(backend, { reference, cases: [one] }))).toBe('');
      const after = loadAddon('emulated').emulatorStats!();
      // Convolutions of one group take the tensor cores in bf16; ldmatrix never meets a bank twice.
      expect(after.mma > before.mma).toBe(!/group|depthwise/.test(one.name));
      expect(after.bankConflicts - before.bankConflicts).toBe(0);
    });
  }
});
