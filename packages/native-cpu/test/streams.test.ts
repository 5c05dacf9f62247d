/** What exact streams rest on: the same bits by either way to a normalised tensor, whatever the threads, and exact inverses. */

import {
  cast,
  ChecksumError,
  compile,
  dequantize,
  quantize,
  resample,
  trace,
  type Backend,
  type Graph,
  type GraphBuilder,
  type Tensor,
} from '@revoxel/runtime';
import { describe, expect, it } from 'vitest';
import { createBackend } from '../src/backend.js';
import { notBuilt, named } from './built.js';
import { emit } from '@revoxel/runtime/testing';

const THREADS = [1, 2, 3];

/** Runs a graph once; the bits of its results. */
async function bitsOf(
  backend: Backend,
  graph: Graph,
  inputs: Readonly<Record<string, Float32Array>>,
): Promise<ReadonlyMap<string, Uint8Array>> {
  using session = await backend.createSession();
  const results = await (await session.load(compile(graph, backend.profile))).run(inputs);
  return new Map(
    Object.entries(results).map(([name, { buffer, byteOffset, byteLength }]) => [
      name,
      new Uint8Array(buffer, byteOffset, byteLength),
    ]),
  );
}

/** Numbers of about unit size, the same in every run. */
function noise(length: number, scale = 1): Float32Array {
  return Float32Array.from({ length }, (_, i) => scale * Math.sin(i * 1.7 + 0.3 * Math.cos(i * 0.11)));
}

function count(shape: readonly number[]): number {
  return shape.reduce((p, s) => p * s, 1);
}

function exponentOf(g: GraphBuilder, dtype: string): Tensor {
  return emit(g, 'fill', [], { shape: [1], value: dtype === 'q32' ? 20 : 9, dtype: 'f32' })[0]!;
}

describe.skipIf(notBuilt)(named('exact streams'), () => {
  const norms = [
    { channels: 1, groups: 1, size: [17, 31, 40] },
    { channels: 3, groups: 3, size: [19, 23, 15] },
    { channels: 30, groups: 10, size: [9, 14, 11] },
    { channels: 64, groups: 64, size: [5, 12, 11] },
  ] as const;

  for (const dtype of ['f32', 'bf16', 'q16', 'q32'] as const) {
    it(`normApply gives the bits of normAct from ${dtype}, on any number of threads`, async () => {
      for (const { channels, groups, size } of norms) {
        for (const mode of ['group', 'batch'] as const) {
          const shape = [2, channels, ...size];
          const fixed = dtype === 'q16' || dtype === 'q32';
          const graph = trace('both', (g) => {
            const x = g.input('x', shape);
            const [gamma, beta] = [g.input('gamma', [channels]), g.input('beta', [channels])];
            const e = exponentOf(g, dtype);
            const operand = fixed ? quantize(x, e, dtype) : cast(x, dtype);
            const grid = fixed ? [e] : [];
            for (const to of fixed ? ['f32', 'bf16'] : ['same']) {
              const [y, mean, rstd] = emit(g, 'normAct', [operand, gamma, beta, ...grid], {
                mode,
                groups,
                eps: 1e-5,
                slope: 0.01,
                to,
              });
              const operands = [operand, gamma, beta, mean!, rstd!, ...grid];
              g.output(`${to}.whole`, y!);
              g.output(`${to}.again`, emit(g, 'normApply', operands, { mode, groups, slope: 0.01, to })[0]!);
            }
          });
          const inputs = { x: noise(count(shape), 3), gamma: noise(channels, 1.5), beta: noise(channels, 0.5) };
          for (const threads of THREADS) {
            const bits = await bitsOf(await createBackend({ threads }), graph, inputs);
            for (const to of fixed ? ['f32', 'bf16'] : ['same']) {
              const [whole, again] = [bits.get(`${to}.whole`)!, bits.get(`${to}.again`)!];
              expect(whole.length).toBeGreaterThan(0);
              expect(Buffer.compare(whole, again), `${mode} ${shape.join('x')} ${to} ${threads}`).toBe(0);
            }
          }
        }
      }
    });
  }

  for (const dtype of ['q16', 'q32'] as const) {
    it(`couplings of ${dtype} give the same bits, reports and checksums on any number of threads`, async () => {
      const shape = [2, 7, 13, 21, 17];
      const graph = trace('couple', (g) => {
        const e = exponentOf(g, dtype);
        // Some elements near the limit, some clamped, some NaN.
        const [x, f] = [g.input('x', shape), g.input('f', shape)];
        const [k, entered] = emit(g, 'quantize', [x, e], { to: dtype });
        const [sum, stats, before] = emit(g, 'couple', [k!, f, e], { direction: 'add', checksum: 'input' });
        const [back, , after] = emit(g, 'couple', [sum!, f, e], { direction: 'sub', checksum: 'output' });
        emit(g, 'checkEqual', [before!, after!], {});
        g.output('k', k!);
        g.output('back', back!);
        g.output('sum', sum!);
        g.output('entered', entered!);
        g.output('stats', stats!);
        g.output('before', before!);
        g.output('after', after!);
      });
      const wide = dtype === 'q16' ? 35 : 1100;
      const inputs = { x: noise(count(shape), wide), f: noise(count(shape), wide) };
      inputs.f[12345] = NaN;
      const runs = [];
      for (const threads of THREADS) runs.push(await bitsOf(await createBackend({ threads }), graph, inputs));
      for (const bits of runs) {
        for (const [name, values] of bits) expect(Buffer.compare(values, runs[0]!.get(name)!), name).toBe(0);
        expect(Buffer.compare(bits.get('k')!, bits.get('back')!)).toBe(0);
        expect(Buffer.compare(bits.get('before')!, bits.get('after')!)).toBe(0);
      }
      const stats = new Float32Array(runs[0]!.get('stats')!.slice().buffer);
      expect([...stats].every((v) => v > 0)).toBe(true);
      expect(stats[3]).toBe(1);
    });

    it(`resampling of ${dtype} inverts exactly, on any number of threads`, async () => {
      const graph = trace('there-and-back', (g) => {
        const e = exponentOf(g, dtype);
        const k = quantize(g.input('x', [1, 5, 12, 20, 18]), e, dtype);
        const angles = g.input('angles', [5, 28]);
        for (const [kind, rest] of [
          ['lifting', []],
          ['givens', [angles, e]],
        ] as const) {
          const there = resample(k, kind, 2, { order: 'offsetMajor' }, rest);
          g.output(kind, resample(there, kind, 2, { up: true, order: 'offsetMajor' }, rest));
        }
        g.output('k', k);
        g.output('x', dequantize(k, e));
      });
      const inputs = { x: noise(5 * 12 * 20 * 18, 30), angles: noise(5 * 28, 1.5) };
      for (const threads of THREADS) {
        const bits = await bitsOf(await createBackend({ threads }), graph, inputs);
        expect(Buffer.compare(bits.get('lifting')!, bits.get('k')!)).toBe(0);
        expect(Buffer.compare(bits.get('givens')!, bits.get('k')!)).toBe(0);
      }
    });
  }

  it('stop with a ChecksumError that names the sequence', async () => {
    const backend = await createBackend({ threads: 2 });
    const graph = trace('check', (g) => {
      const e = exponentOf(g, 'q16');
      const f = g.input('f', [1, 2, 3, 3, 3]);
      const k = quantize(f, e, 'q16');
      g.scope('level3', () => {
        const [, , before] = emit(g, 'couple', [k, f, e], { direction: 'add', checksum: 'input' });
        const [, , after] = emit(g, 'couple', [k, f, e], { direction: 'add', checksum: 'output' });
        g.output('zero', emit(g, 'checkEqual', [before!, after!], {})[0]!);
      });
    });
    using session = await backend.createSession();
    const plan = await session.load(compile(graph, backend.profile));
    const failure: unknown = await plan.run({ f: noise(54) }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ChecksumError);
    expect(failure).toMatchObject({ code: 'ERR_CHECKSUM', sequence: 'level3.checkEqual' });
    // The session goes on; nothing was added, so the checksums agree.
    expect((await plan.run({ f: new Float32Array(54) }))['zero']![0]).toBe(0);
  });
});
