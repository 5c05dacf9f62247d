/** Fixed-point streams beyond the shared table: sizes that fill several blocks, blocks of odd sizes, matrices too large for shared memory. */

import { compile, createReferenceBackend, dequantize, resample, squeeze, trace, unsqueeze } from '@revoxel/runtime';
import type { GraphBuilder, Tensor } from '@revoxel/runtime';
import { formatFailures, runOpCases, type InputSpec, type OpCase } from '@revoxel/runtime/testing';
import { describe, expect, it } from 'vitest';
import { loadAddon } from '../src/addon.js';
import { createBackend } from '../src/backend.js';
import { notBuilt, named } from './built.js';

const TYPES = ['q16', 'q32'] as const;
const ORDERS = ['offsetMajor', 'channelMajor'] as const;

interface Emitter {
  emit(op: string, inputs: readonly Tensor[], attrs: object): Tensor[];
}

/** The builder's internal `emit`: the operations here have no public function. */
function emit(g: GraphBuilder, op: string, inputs: readonly Tensor[], attrs: object): Tensor[] {
  return (g as unknown as Emitter).emit(op, inputs, attrs);
}

function noise(length: number, scale: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => scale * Math.sin(i * 1.7 + 0.3 * Math.cos(i * 0.11)));
}

function list(values: readonly number[]): InputSpec {
  return { shape: [values.length], values: { kind: 'list', values } };
}

function integers(dtype: 'q16' | 'q32', shape: readonly number[]): InputSpec {
  const bits = dtype === 'q16' ? 16 : 32;
  return { shape, dtype, values: { kind: 'integers', low: -(2 ** (bits - 1)), high: 2 ** (bits - 1) - 1 } };
}

/** Blocks whose maps are not made in registers, and channels that end in the middle of a tile. */
const BLOCKS: readonly (readonly [large: readonly number[], block: readonly number[]])[] = [
  [
    [1, 3, 3, 6, 9],
    [3, 3, 3],
  ],
  [
    [2, 5, 2, 3, 8],
    [1, 3, 2],
  ],
  [
    [1, 37, 1, 4, 4],
    [1, 1, 1],
  ],
  [
    [1, 37, 2, 4, 6],
    [2, 2, 2],
  ],
  // Positions of several slices, the last one shorter.
  [
    [1, 37, 6, 10, 22],
    [2, 2, 2],
  ],
];

const CASES: readonly OpCase[] = [
  ...BLOCKS.flatMap(([large, block], i) =>
    ORDERS.flatMap((order): OpCase[] => {
      const s = block.reduce((p, n) => p * n, 1);
      const c = large[1]!;
      const pairs = (s * (s - 1)) / 2;
      return [
        {
          op: 'resample',
          name: `exact/given-${i}-${order}`,
          inputs: { x: { shape: large }, q: { shape: [c, s, s] }, shared: { shape: [1, s, s] } },
          build: (_g, { x, q, shared }) => {
            const there = resample(x!, 'given', block, { order }, [q!]);
            // Narrow results that round to different sides of a tie differ by more once they are mixed again.
            if (there.dtype !== 'f32') return { there };
            return { there, back: resample(there, 'given', block, { order, up: true }, [shared!]) };
          },
          gradient: ['x', 'q', 'shared'],
          sums: s * s,
          gradientSums: 4000,
          term: 4,
          noDifferences: true,
          bf16: ['x'],
        },
        ...TYPES.map((dtype): OpCase => ({
          op: 'squeeze',
          name: `exact/integers-${i}-${order}-${dtype}`,
          inputs: {
            k: integers(dtype, large),
            // Half turns too: factors that leave 32 bits by far.
            ...(pairs > 0
              ? {
                  angles: { shape: [c, pairs], values: { kind: 'uniform', low: -3.1415925, high: 3.1415925 } },
                  e: list([9]),
                }
              : {}),
          },
          build: (_g, { k, angles, e }) => {
            const small = squeeze(k!, block, order);
            const turned = angles ? [resample(k!, 'givens', block, { order }, [angles, e!])] : [];
            return {
              small,
              back: unsqueeze(small, block, order),
              ...Object.fromEntries(
                turned.flatMap((y) => [
                  ['turned', y],
                  ['turnedBack', resample(y, 'givens', block, { order, up: true }, [angles!, e!])],
                ]),
              ),
            };
          },
          sums: 0,
        })),
      ];
    }),
  ),
  {
    op: 'resample',
    name: 'exact/half-turns',
    inputs: {
      x: integers('q32', [1, 3, 4, 8, 8]),
      angles: { shape: [1, 1], values: { kind: 'list', values: [3.1415925] } },
      e: list([20]),
    },
    build: (_g, { x, angles, e }) => {
      const down = resample(x!, 'givens', [2, 1, 1], {}, [angles!, e!]);
      return { down, back: resample(down, 'givens', [2, 1, 1], { up: true }, [angles!, e!]) };
    },
    sums: 0,
  },
  ...(['exp', 'cayley', 'givens'] as const)
    .flatMap((kind) =>
      [1, 3, 16, 27].map((size): OpCase => ({
        op: 'orthogonal',
        name: `exact/orthogonal-${kind}-${size}`,
        inputs: {
          w: {
            shape: kind === 'givens' ? [6, Math.max(1, (size * (size - 1)) / 2)] : [6, size, size],
            values: { kind: 'uniform', low: -1, high: 1 },
          },
          dq: { shape: [6, size, size] },
        },
        build: (g, { w, dq }) => ({
          q: emit(g, 'orthogonal', [w!], { kind, size })[0]!,
          dw: emit(g, 'orthogonalGrad', [w!, dq!], { kind, size })[0]!,
        }),
        sums: size * size,
      })),
    )
    .filter((c) => !c.name.endsWith('givens-1')),
  {
    // Turns by angles below and above what the approximant takes without squaring.
    op: 'orthogonal',
    name: 'exact/orthogonal-exp-large-angles',
    inputs: {
      w: { shape: [6, 2, 2], values: { kind: 'list', values: [3, 6, 10, 14, 17, 19].flatMap((a) => [0, a, 0, 0]) } },
    },
    build: (g, { w }) => ({ q: emit(g, 'orthogonal', [w!], { kind: 'exp', size: 2 })[0]! }),
    sums: 4,
  },
  // Integers at three quarters of the range and one beyond: only those beyond count as near its end.
  ...TYPES.map((dtype): OpCase => {
    const limit = dtype === 'q16' ? 24576 : 1610612736;
    const values = [limit - 1, limit, limit + 1, -limit, -limit - 1, -limit + 1, 0, 5, limit];
    return {
      op: 'couple',
      name: `exact/near-${dtype}`,
      inputs: { k: { ...list(values), dtype }, f: list(values.map(() => 0)), e: list([9]) },
      build: (g, { k, f, e }) => {
        const [sum, stats] = emit(g, 'couple', [k!, f!, e!], { direction: 'add', checksum: 'none' });
        return { sum: sum!, stats: stats! };
      },
      sums: 0,
    };
  }),
  {
    // More adds than one launch takes.
    op: 'streamUpdate',
    name: 'exact/many-adds',
    inputs: {
      exponent: { ...list([9]), role: 'state' },
      monitor: { ...list([0, 4, 1, 7, 6, 5, 4, 2]), role: 'state' },
      ...Object.fromEntries(
        Array.from({ length: 300 }, (_, i) => [`stats${i}`, list([(i * 7919) % 3001, i % 7, i % 3, i % 2])]),
      ),
    },
    build: (g, t) => {
      const stats = Array.from({ length: 300 }, (_, i) => t[`stats${i}`]!);
      emit(g, 'streamUpdate', [t['exponent']!, t['monitor']!, ...stats], { bits: 16 });
      return {};
    },
    steps: [{}, {}],
    sums: 0,
  },
];

describe.skipIf(notBuilt)(named('exact streams'), () => {
  it('agree with the reference beyond the shared table', { timeout: 300_000 }, async () => {
    loadAddon('emulated').emulate!({ order: 'random', seed: 3 });
    const backend = await createBackend({ emulated: true });
    expect(formatFailures(await runOpCases(backend, { reference: createReferenceBackend(), cases: CASES }))).toBe('');
  });

  for (const dtype of TYPES) {
    it(`of ${dtype} are rebuilt bit by bit, in place, with equal checksums and counts`, async () => {
      const shape = [2, 7, 12, 20, 14];
      const elements = shape.reduce((p, n) => p * n, 1);
      const graph = trace('there-and-back', (g) => {
        const e = g.input('e', [1]);
        const [f0, f1] = [g.input('f0', shape), g.input('f1', shape, 'bf16')];
        const angles = g.input('angles', [7, 28]);
        const [k] = emit(g, 'quantize', [g.input('x', shape), e], { to: dtype });
        const [a, stats, before] = emit(g, 'couple', [k!, f0, e], { direction: 'add', checksum: 'input' });
        const [b] = emit(g, 'couple', [a!, f1, e], { direction: 'add', checksum: 'none' });
        const down = resample(resample(b!, 'givens', 2, {}, [angles, e]), 'lifting', [1, 2, 1], {
          order: 'offsetMajor',
        });
        const up = resample(
          resample(down, 'lifting', [1, 2, 1], { order: 'offsetMajor', up: true }),
          'givens',
          2,
          { up: true },
          [angles, e],
        );
        const [c] = emit(g, 'couple', [up, f1, e], { direction: 'sub', checksum: 'none' });
        const [d, , after] = emit(g, 'couple', [c!, f0, e], { direction: 'sub', checksum: 'output' });
        g.output('zero', emit(g, 'checkEqual', [before!, after!], {})[0]!);
        g.output('stats', stats!);
        g.output('first', dequantize(k!, e));
        g.output('last', dequantize(d!, e));
      });
      const exponent = dtype === 'q16' ? 9 : 20;
      const f0 = noise(elements, dtype === 'q16' ? 35 : 1100);
      f0[12345] = NaN;
      const inputs = {
        e: Float32Array.of(exponent),
        x: noise(elements, dtype === 'q16' ? 60 : 2000),
        f0,
        f1: new Uint16Array(new Uint32Array(noise(elements, 3).buffer).map((bits) => bits >>> 16)),
        angles: noise(7 * 28, 1.5),
      };
      const reference = createReferenceBackend();
      using known = await reference.createSession();
      const expected = await (await known.load(compile(graph, reference.profile))).run(inputs);
      for (const order of ['ascending', 'random'] as const) {
        loadAddon('emulated').emulate!({ order, seed: 5 });
        const backend = await createBackend({ emulated: true });
        using session = await backend.createSession();
        const results = await (await session.load(compile(graph, backend.profile))).run(inputs);
        expect(results['last']).toEqual(results['first']);
        for (const name of ['stats', 'first', 'last']) expect(results[name]).toEqual(expected[name]);
      }
      expect([...(expected['stats'] as Float32Array)].every((v) => v > 0)).toBe(true);
    });
  }
});
