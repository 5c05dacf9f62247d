/**
 * The tensor-core convolutions against the reference, in bf16: every way their kernels read channels (multiples of 8, others,
 * fewer than 8), several pieces, strides and classes, bricks and sums split among blocks.
 */

import {
  cast,
  compile,
  conv,
  convTranspose,
  createReferenceBackend,
  trace,
  type ConvOptions,
  type Tensor,
} from '@revoxel/runtime';
import { checkCase, formatFailures, forwardGraph, gradientGraph, type OpCase } from '@revoxel/runtime/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { loadAddon } from '../src/addon.js';
import { createBackend } from '../src/backend.js';
import { CONV_BRICK, CONV_GATHER } from '../src/conv-tensor.js';
import { notBuilt, named } from './built.js';

interface Spec extends Omit<ConvOptions, 'padding'> {
  readonly padding?: number | readonly number[];
  readonly n?: number;
  readonly ci: readonly number[];
  readonly co: number;
  readonly size: readonly number[];
  readonly kernel: readonly number[];
  readonly bias?: boolean;
  readonly transposed?: boolean;
  /** Variants of the calls: conv or convTranspose, gradient of x (none for pieces), gradient of w. */
  readonly variants: readonly number[];
}

const product = (list: readonly number[]): number => list.reduce((p, n) => p * n, 1);

function caseOf(name: string, s: Spec): OpCase {
  const ci = s.ci.reduce((a, b) => a + b, 0);
  const xs = s.ci.map((_, i) => `x${i}`);
  return {
    op: s.transposed ? 'convTranspose' : 'conv',
    name: `tensor/${name}`,
    inputs: {
      ...Object.fromEntries(xs.map((x, i) => [x, { shape: [s.n ?? 1, s.ci[i]!, ...s.size] }])),
      w: { shape: s.transposed ? [ci, s.co, ...s.kernel] : [s.co, ci, ...s.kernel], role: 'parameter' },
      ...(s.bias && { b: { shape: [s.co], role: 'parameter' } }),
    },
    build: (_g, t) => ({
      y: s.transposed
        ? convTranspose(t['x0']!, t['w']!, t['b'], s)
        : conv(
            xs.map((x) => t[x]!),
            t['w']!,
            t['b'],
            s,
          ),
    }),
    gradient: [...xs, 'w', ...(s.bias ? ['b'] : [])],
    sums: ci * product(s.kernel) + 1,
    gradientSums: Math.max(s.co * product(s.kernel), 8 * (s.n ?? 1) * product(s.size)),
    bf16: xs,
  };
}

const k3 = { kernel: [3, 3, 3], padding: 1 } as const;
const all = (variant: number): readonly number[] => [variant, variant, variant];
const CASES: Readonly<Record<string, Spec>> = {
  '3x3x3 16 to 40, split': { n: 2, ci: [16], co: 40, size: [3, 4, 5], ...k3, bias: true, variants: all(CONV_GATHER) },
  '3x3x3 pieces 30 and 15 to 17': {
    n: 2,
    ci: [30, 15],
    co: 17,
    size: [3, 4, 5],
    ...k3,
    bias: true,
    variants: all(CONV_GATHER),
  },
  '3x3x3 pieces 8, 24 and 8 to 72': { ci: [8, 24, 8], co: 72, size: [4, 3, 5], ...k3, variants: all(CONV_GATHER) },
  '3x3x3 first layer, 1 to 32': { ci: [1], co: 32, size: [5, 6, 7], ...k3, bias: true, variants: all(CONV_GATHER) },
  '3x3x3 pieces 1 and 3 to 33': { n: 2, ci: [1, 3], co: 33, size: [3, 5, 4], ...k3, variants: all(CONV_GATHER) },
  '1x1x1 head, 32 to 3': {
    n: 2,
    ci: [32],
    co: 3,
    size: [4, 5, 6],
    kernel: [1, 1, 1],
    bias: true,
    variants: all(CONV_GATHER),
  },
  '3x3x3 stride 2, 16 to 40': {
    n: 2,
    ci: [16],
    co: 40,
    size: [5, 7, 6],
    kernel: [3, 3, 3],
    stride: 2,
    padding: 1,
    bias: true,
    variants: all(CONV_GATHER),
  },
  '3x3x3 stride 1 2 2, 12 to 9': {
    ci: [12],
    co: 9,
    size: [3, 7, 6],
    kernel: [3, 3, 3],
    stride: [1, 2, 2],
    padding: 1,
    variants: all(CONV_GATHER),
  },
  '2x3x2 dilation 2 1 3 stride 3 1 2': {
    ci: [8],
    co: 16,
    size: [9, 5, 8],
    kernel: [2, 3, 2],
    stride: [3, 1, 2],
    dilation: [2, 1, 3],
    padding: [1, 1, 2],
    variants: all(CONV_GATHER),
  },
  '2d 5x5 stride 2, 24 to 10': {
    n: 2,
    ci: [24],
    co: 10,
    size: [9, 8],
    kernel: [5, 5],
    stride: 2,
    padding: 2,
    bias: true,
    variants: all(CONV_GATHER),
  },
  'many rows, 8 to 128': { n: 2, ci: [8], co: 128, size: [9, 9, 9], kernel: [1, 1, 1], variants: all(CONV_GATHER) },
  'up-sampling 32 to 16': {
    n: 2,
    ci: [32],
    co: 16,
    size: [3, 2, 5],
    kernel: [2, 2, 2],
    stride: 2,
    transposed: true,
    bias: true,
    variants: all(CONV_GATHER),
  },
  'up-sampling 12 to 10, 1 2 2': {
    ci: [12],
    co: 10,
    size: [3, 4, 3],
    kernel: [1, 2, 2],
    stride: [1, 2, 2],
    transposed: true,
    variants: all(CONV_GATHER),
  },
  'up-sampling with gaps': {
    ci: [8],
    co: 8,
    size: [3, 2, 3],
    kernel: [1, 1, 1],
    stride: 2,
    transposed: true,
    bias: true,
    variants: all(CONV_GATHER),
  },
  'bricks 32 to 16': { ci: [32], co: 16, size: [9, 14, 12], ...k3, bias: true, variants: all(CONV_BRICK) },
  'bricks, deep, 16 to 64': { ci: [16], co: 64, size: [4, 16, 17], ...k3, variants: all(CONV_BRICK) },
  'bricks, pieces 15 and 30 to 20': {
    ci: [15, 30],
    co: 20,
    size: [8, 8, 16],
    ...k3,
    bias: true,
    variants: all(CONV_BRICK),
  },
  'bricks, 2d, pieces 16 and 24 to 40': {
    ci: [16, 24],
    co: 40,
    size: [33, 32],
    kernel: [3, 3],
    padding: 1,
    bias: true,
    variants: [CONV_BRICK, CONV_BRICK, CONV_GATHER],
  },
  'bricks, 1x3x3, 8 to 33': {
    ci: [8],
    co: 33,
    size: [3, 16, 30],
    kernel: [1, 3, 3],
    padding: [0, 1, 1],
    variants: [CONV_BRICK, CONV_BRICK, CONV_GATHER],
  },
};

// Two of the four schedules that the operation table runs under.
const ORDERS = ['descending', 'random'] as const;

describe.skipIf(notBuilt)(named('tensor-core convolutions'), () => {
  const reference = createReferenceBackend();
  const before = notBuilt ? undefined : loadAddon('emulated').emulatorStats!();

  for (const [name, spec] of Object.entries(CASES)) {
    const c = caseOf(name, spec);
    const variant = { label: 'bf16', floats: 'bf16' as const, parameters: true };
    it(`${name}: takes the kernels it is about`, async () => {
      const { profile } = await createBackend({ emulated: true });
      const calls = [forwardGraph, gradientGraph].flatMap((graph) => compile(graph(c, variant), profile).calls);
      const variants = (op: string): readonly number[] => [
        ...new Set(calls.filter((call) => call.op === op).map((call) => call.variant)),
      ];
      expect([variants('conv'), variants('convTranspose'), variants('convWeightGrad')]).toEqual(
        spec.variants.map((v) => [v]),
      );
    });
    for (const order of ORDERS) {
      it(`${name}, ${order}`, { timeout: 120_000 }, async () => {
        loadAddon('emulated').emulate!({ order, seed: 7 });
        const backend = await createBackend({ emulated: true });
        expect(formatFailures(await checkCase(backend, c, { reference }))).toBe('');
      });
    }
  }

  // One kernel, launched with more and then with less shared memory: the limit is the function's, not the call's.
  it('launch with 64 and then with 32 channels in one plan', { timeout: 120_000 }, async () => {
    const backend = await createBackend({ emulated: true });
    const graph = trace('two', (g) => {
      const parameter = (name: string, ci: number): Tensor =>
        g.parameter(name, [32, ci, 3, 3, 3], { kind: 'constant', value: 1 / 64 });
      const wide = conv(cast(g.input('x', [1, 64, 4, 16, 16]), 'bf16'), parameter('wide', 64), undefined, {
        padding: 1,
      });
      g.output('y', cast(conv(wide, parameter('narrow', 32), undefined, { padding: 1 }), 'f32'));
    });
    using session = await backend.createSession();
    const plan = compile(graph, backend.profile);
    expect(plan.calls.filter((c) => c.op === 'conv').map((c) => c.variant)).toEqual([CONV_BRICK, CONV_BRICK]);
    const run = await session.load(plan);
    const { y } = await run.run({ x: new Float32Array(64 * 4 * 256).fill(1) });
    // 64 channels and 27 taps of 1/64 give 27, then 32 channels and 27 taps 27 * 27 / 2, inside.
    expect(y![(1 * 16 + 8) * 16 + 8]).toBeGreaterThan(300);
  });

  afterAll(() => {
    if (!before) return;
    const after = loadAddon('emulated').emulatorStats!();
    expect(after.mma).toBeGreaterThan(before.mma);
    expect(after.bankConflicts - before.bankConflicts).toBe(0);
  });
});
