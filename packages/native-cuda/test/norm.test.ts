/**
 * Norms over tensors of several slices, tiles and odd places (the shared table has small ones), on the emulated device: against
 * the reference, and the bits that the memory pass counts on.
 */

import {
  compile,
  createReferenceBackend,
  isFixed,
  trace,
  type Backend,
  type DType,
  type Graph,
  type HostArray,
  type OpName,
} from '@revoxel/runtime';
import { emit, testArray } from '@revoxel/runtime/testing';
import { describe, expect, it } from 'vitest';
import { loadAddon } from '../src/addon.js';
import { createBackend } from '../src/backend.js';
import { notBuilt, named } from './built.js';

/** Whole packs, packs over several rows, no packs, one channel, more channels than a block has columns. */
const NORMS = [
  { shape: [2, 8, 10, 12, 14], mode: 'group', groups: 8 },
  { shape: [1, 30, 16, 12, 12], mode: 'group', groups: 30 },
  { shape: [1, 30, 16, 12, 12], mode: 'group', groups: 10 },
  { shape: [3, 5, 7, 11, 13], mode: 'group', groups: 5 },
  { shape: [3, 5, 7, 11, 13], mode: 'batch', groups: 5 },
  { shape: [2, 1, 10, 31, 48], mode: 'group', groups: 1 },
  { shape: [2, 12, 6, 7, 80], mode: 'batch', groups: 12 },
  { shape: [1, 301, 4, 4, 4], mode: 'group', groups: 301 },
  { shape: [1, 301, 5, 5, 5], mode: 'group', groups: 7 },
  { shape: [2, 64, 6, 7, 5], mode: 'group', groups: 1 },
] as const;

const TYPES = [
  ['f32', 'f32'],
  ['bf16', 'bf16'],
  ['q16', 'f32'],
  ['q16', 'bf16'],
  ['q32', 'f32'],
  ['q32', 'bf16'],
] as const;

type Norm = (typeof NORMS)[number];

const plain = createReferenceBackend();
const reference: Backend = {
  ...plain,
  profile: { ...plain.profile, fusions: new Set<OpName>(['normAct', 'normActGrad']) },
};
const EXPONENTS: Partial<Record<DType, number>> = { q16: 9, q32: 20 };

function values(name: string, shape: readonly number[], dtype: DType, low: number, high: number): HostArray {
  const scale = 2 ** (EXPONENTS[dtype] ?? 0);
  const kind = isFixed(dtype) ? 'integers' : 'uniform';
  return testArray(name, shape, dtype, { kind, low: low * scale, high: high * scale });
}

/** normAct, normApply with its statistics, and normActGrad. */
function graphOf({ shape, mode, groups }: Norm, x: DType, y: 'f32' | 'bf16'): Graph {
  return trace('norms', (g) => {
    const operand = g.input('x', shape, x);
    const [gamma, beta] = [g.input('gamma', [shape[1]]), g.input('beta', [shape[1]])];
    const exponent = isFixed(x) ? [g.input('exponent', [1])] : [];
    const attrs = { mode, groups, slope: 0.01 } as const;
    const to = isFixed(x) ? y : 'same';
    const [whole, mean, rstd] = emit(g, 'normAct', [operand, gamma, beta, ...exponent], { ...attrs, eps: 1e-5, to });
    const statistics = [gamma, beta, mean!, rstd!];
    const [again] = emit(g, 'normApply', [operand, ...statistics, ...exponent], { ...attrs, to });
    const dy = g.input('dy', shape, y);
    const [dx, dgamma, dbeta] = emit(g, 'normActGrad', [operand, ...statistics, dy, ...exponent], {
      ...attrs,
      eps: 1e-5,
    });
    const results = { whole, again, mean, rstd, dx, dgamma, dbeta };
    for (const [name, tensor] of Object.entries(results)) g.output(name, tensor!);
  });
}

function inputsOf({ shape }: Norm, x: DType, y: DType, low: number, high: number): Record<string, HostArray> {
  const exponent = EXPONENTS[x];
  return {
    x: values('x', shape, x, low, high),
    gamma: testArray('gamma', [shape[1]], 'f32', { kind: 'uniform', low: -2, high: 2 }),
    beta: testArray('beta', [shape[1]], 'f32', { kind: 'uniform', low: -1, high: 1 }),
    dy: values('dy', shape, y, -1, 1.5),
    ...(exponent === undefined ? {} : { exponent: Float32Array.of(exponent) }),
  };
}

async function run(backend: Backend, graph: Graph, inputs: Readonly<Record<string, HostArray>>) {
  const session = await backend.createSession();
  const results = await (await session.load(compile(graph, backend.profile))).run(inputs);
  await session.dispose();
  return results;
}

function numbers(array: HostArray): Float64Array {
  if (!(array instanceof Uint16Array)) return Float64Array.from(array as ArrayLike<number>);
  const bits = Uint32Array.from(array, (v) => v * 65536);
  return Float64Array.from(new Float32Array(bits.buffer));
}

/** ||a - b|| / ||b||. */
function distance(a: HostArray, b: HostArray): number {
  const [found, wanted] = [numbers(a), numbers(b)];
  let [error, norm] = [0, 0];
  wanted.forEach((v, i) => {
    error += (found[i]! - v) ** 2;
    norm += v ** 2;
  });
  return Math.sqrt(error / norm);
}

/** Sums of gradients may nearly cancel. */
function tolerance(result: string, y: 'f32' | 'bf16'): number {
  if (result === 'dgamma' || result === 'dbeta') return 2e-4;
  return y === 'bf16' && result !== 'mean' && result !== 'rstd' ? 4e-3 : 3e-6;
}

describe.skipIf(notBuilt)(named('norms of larger tensors'), () => {
  for (const [x, y] of TYPES) {
    it(`of ${x} with results of ${y}`, { timeout: 240_000 }, async () => {
      const backend = await createBackend({ emulated: true });
      for (const norm of NORMS) {
        const what = `${norm.mode} of ${norm.groups}, [${norm.shape.join(', ')}]`;
        const graph = graphOf(norm, x, y);
        const inputs = inputsOf(norm, x, y, -3, 5);
        loadAddon('emulated').emulate!({ order: 'round-robin', seed: 1 });
        const found = await run(backend, graph, inputs);
        loadAddon('emulated').emulate!({ order: 'random', seed: 2 });
        const second = await run(backend, graph, inputs);
        const wanted = await run(reference, graph, inputs);
        expect(Buffer.from(found.again!.buffer).equals(Buffer.from(found.whole!.buffer)), `${what}: again`).toBe(true);
        for (const [name, array] of Object.entries(found)) {
          expect(Buffer.from(array.buffer).equals(Buffer.from(second[name]!.buffer)), `${what}: ${name}`).toBe(true);
          expect(distance(array, wanted[name]!), `${what}: ${name}`).toBeLessThan(tolerance(name, y));
        }
      }
    });
  }

  it('keep the digits of a small deviation from a large mean', { timeout: 60_000 }, async () => {
    const norm = NORMS[1];
    const backend = await createBackend({ emulated: true });
    const graph = graphOf(norm, 'f32', 'f32');
    const inputs = inputsOf(norm, 'f32', 'f32', 999, 1001);
    const [found, wanted] = [await run(backend, graph, inputs), await run(reference, graph, inputs)];
    expect(distance(found.mean!, wanted.mean!)).toBeLessThan(1e-7);
    expect(distance(found.rstd!, wanted.rstd!)).toBeLessThan(5e-6);
    expect(distance(found.whole!, wanted.whole!)).toBeLessThan(1e-4);
  });
});
