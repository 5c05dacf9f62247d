/**
 * Softmax, losses, pools and resizes over more channels and voxels than the shared table has, so that packs, tiles, groups
 * of lanes and several blocks are taken, on the emulated device against the reference.
 */

import {
  avgPool,
  createReferenceBackend,
  crossEntropy,
  diceLoss,
  maxPool,
  resize,
  softmax,
  type Shape,
} from '@revoxel/runtime';
import { emit, formatFailures, runOpCases, type InputSpec, type OpCase } from '@revoxel/runtime/testing';
import { describe, expect, it } from 'vitest';
import { loadAddon } from '../src/addon.js';
import { createBackend } from '../src/backend.js';
import { notBuilt, named } from './built.js';

/** Channels that go straight to registers, pass through shared memory, are shared by 8 lanes and by 32. */
const CHANNELS = [2, 3, 4, 6, 8, 9, 37, 70, 255];

/** Voxels of several blocks, of odd number so that the second sample starts at an odd place. */
const MANY: Shape = [29, 37];

function labels(shape: Shape, ignore: number): InputSpec {
  const values = { kind: 'labels', classes: shape[1]!, ignore } as const;
  return { shape: [shape[0]!, 1, ...shape.slice(2)], dtype: 'u8', values };
}

function softmaxCase(channels: number): OpCase {
  const shape = [2, channels, 17, 19];
  return {
    op: 'softmax',
    name: `softmax/${channels}-channels`,
    inputs: { x: { shape, values: { kind: 'uniform', low: -4, high: 4 } } },
    build: (_g, t) => ({ y: softmax(t['x']!) }),
    gradient: ['x'],
    sums: channels,
    bf16: ['x'],
  };
}

function crossEntropyCase(channels: number): OpCase {
  const shape = [2, channels, ...MANY];
  const voxels = 2 * MANY[0]! * MANY[1]!;
  return {
    op: 'crossEntropy',
    name: `crossEntropy/${channels}-channels`,
    inputs: { x: { shape, values: { kind: 'uniform', low: -3, high: 3 } }, labels: labels(shape, 1) },
    build: (_g, t) => ({ y: crossEntropy(t['x']!, t['labels']!, { ignore: 1 }) }),
    gradient: ['x'],
    sums: voxels,
    gradientSums: channels,
    term: 4 / voxels,
    bf16: ['x'],
  };
}

function diceCase(channels: number, batch: boolean): OpCase {
  const shape = [3, channels, ...MANY];
  const voxels = (batch ? 3 : 1) * MANY[0]! * MANY[1]!;
  return {
    op: 'diceLoss',
    name: `diceLoss/${channels}-channels-${batch ? 'batch' : 'samples'}`,
    inputs: { p: { shape, values: { kind: 'uniform', low: 0.02, high: 0.98 } }, labels: labels(shape, 2) },
    build: (_g, t) => ({ y: diceLoss(t['p']!, t['labels']!, { batch, background: batch, ignore: 2 }) }),
    gradient: ['p'],
    sums: voxels,
    term: 2 / voxels,
    bf16: ['p'],
  };
}

/** Kernel, stride, padding: tiles, tiles with a rest and with padding, overlap, gaps between windows. */
const WINDOWS = [
  [2, 2, 0],
  [3, 3, 1],
  [3, 2, 1],
  [2, 1, 0],
  [2, 3, 0],
] as const;

function poolCases(channels: number): OpCase[] {
  const shape = [2, channels, 5, 7, 8];
  return WINDOWS.flatMap(([kernel, stride, padding]) =>
    [maxPool, avgPool].map((pool): OpCase => {
      const isMax = pool === maxPool;
      return {
        op: 'pool',
        name: `pool/${isMax ? 'max' : 'avg'}-${channels}-channels-${kernel}-${stride}-${padding}`,
        inputs: {
          x: { shape, values: isMax ? { kind: 'integers', low: -3, high: 3 } : { kind: 'uniform', low: -1, high: 1 } },
        },
        build: (_g, t) => ({
          y: pool(t['x']!, kernel, { stride, padding, countPadding: kernel === 3 && stride === 2 }),
        }),
        gradient: ['x'],
        sums: isMax ? 0 : kernel ** 3,
        gradientSums: kernel ** 3,
        bf16: ['x'],
      };
    }),
  );
}

/** Ties, and values of either sign, of fixed-point operands. */
function fixedPoolCase(dtype: 'q16' | 'q32', channels: number, stride: number): OpCase {
  const shape = [2, channels, 5, 7, 6];
  const windows = {
    kernel: [2, 3, 2],
    stride: stride ? [stride, stride, stride] : [2, 3, 2],
    padBefore: [0, 1, 0],
    padAfter: [1, 0, 0],
  };
  const sizes = windows.kernel.map(
    (k, i) => Math.floor((shape[i + 2]! + 1 * Number(i < 2) - k) / windows.stride[i]!) + 1,
  );
  return {
    op: 'poolGrad',
    name: `poolGrad/${dtype}-${channels}-channels-${stride}`,
    inputs: {
      x: { shape, dtype, values: { kind: 'integers', low: -3, high: 3 } },
      dy: { shape: [2, channels, ...sizes] },
    },
    build: (g, t) => {
      const attrs = { kind: 'max', countPadding: true, ...windows } as const;
      return { y: emit(g, 'pool', [t['x']!], attrs)[0]!, dx: emit(g, 'poolGrad', [t['x']!, t['dy']!], attrs)[0]! };
    },
    sums: 12,
    bf16: ['dy'],
  };
}

const SIZES: readonly (readonly [Shape, Shape])[] = [
  [
    [3, 4, 5],
    [6, 8, 10],
  ],
  [
    [5, 7, 8],
    [3, 9, 4],
  ],
  [
    [4, 1, 9],
    [1, 5, 2],
  ],
  [
    [2, 9, 3],
    [7, 2, 3],
  ],
];

function resizeCases(channels: number): OpCase[] {
  return SIZES.flatMap(([from, to]) =>
    (['nearest', 'linear'] as const).map((mode): OpCase => {
      const ratio = from.reduce((n, s, i) => n * Math.ceil(to[i]! / s + 1), 1);
      return {
        op: 'resize',
        name: `resize/${mode}-${channels}-channels-${from.join('x')}-${to.join('x')}`,
        inputs: { x: { shape: [2, channels, ...from] } },
        build: (_g, t) => ({ y: resize(t['x']!, to, mode) }),
        gradient: ['x'],
        sums: mode === 'nearest' ? 0 : 8,
        gradientSums: 2 * ratio,
        bf16: ['x'],
      };
    }),
  );
}

const CASES: Readonly<Record<string, readonly OpCase[]>> = {
  softmax: CHANNELS.map(softmaxCase),
  crossEntropy: CHANNELS.map(crossEntropyCase),
  diceLoss: CHANNELS.filter((c) => c < 255).flatMap((c) => [diceCase(c, true), diceCase(c, false)]),
  pool: [...poolCases(8), ...poolCases(24), ...poolCases(3)],
  'pool of fixed-point numbers': (['q16', 'q32'] as const).flatMap((dtype) =>
    [3, 16].flatMap((channels) => [0, 1, 2, 4].map((stride) => fixedPoolCase(dtype, channels, stride))),
  ),
  resize: [...resizeCases(8), ...resizeCases(16), ...resizeCases(6)],
};

describe.skipIf(notBuilt)(named('many channels and voxels'), () => {
  for (const [name, cases] of Object.entries(CASES)) {
    for (const order of ['round-robin', 'random'] as const) {
      it(`${name}, ${order}`, { timeout: 120_000 }, async () => {
        loadAddon('emulated').emulate!({ order, seed: 11 });
        const backend = await createBackend({ emulated: true });
        expect(formatFailures(await runOpCases(backend, { reference: createReferenceBackend(), cases }))).toBe('');
      });
    }
  }
});
