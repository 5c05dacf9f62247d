/** Additive couplings are exact: what was added comes off again to the bit, whatever k and f are, and checksums see every bit. */

import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  compile,
  createReferenceBackend,
  createTypescriptBackend,
  hostArray,
  toBf16,
  trace,
  type Backend,
  type Executable,
  type FixedDType,
  type HostArray,
  type Session,
} from '../../src/index.js';

const SHAPE = [2, 3, 5, 4];
const COUNT = 120;
const START = { q16: 9, q32: 20 } as const;

const backends: readonly (readonly [string, Backend])[] = [
  ['reference', createReferenceBackend()],
  ['typescript, 1 thread', createTypescriptBackend({ threads: 1 })],
  ['typescript, 2 threads', createTypescriptBackend({ threads: 2 })],
];

/** Any f32 at all: NaN, infinities, subnormals. */
const anyFloat = fc.oneof(
  { weight: 3, arbitrary: fc.float({ min: -40, max: 40, noNaN: true }) },
  { weight: 1, arbitrary: fc.float() },
  { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity, 3e38, -3e38, 1e-45, -0) },
);

const anyInteger = (dtype: FixedDType): fc.Arbitrary<number> => {
  const half = dtype === 'q16' ? 2 ** 15 : 2 ** 31;
  return fc.oneof(
    fc.integer({ min: -half, max: half - 1 }),
    fc.constantFrom(-half, half - 1, half - 2, 1 - half, 0, -1, 1),
  );
};

const bytes = (a: HostArray): Buffer => Buffer.from(a.buffer, a.byteOffset, a.byteLength);

describe.each(backends)('%s', (_name, backend) => {
  const session: Promise<Session> = backend.createSession();
  afterAll(async () => (await session).dispose());

  async function load(dtype: FixedDType, float: 'f32' | 'bf16'): Promise<Executable> {
    const graph = trace(`${dtype} ${float}`, (g) => {
      const [k, f, exponent] = [g.input('k', SHAPE, dtype), g.input('f', SHAPE, float), g.input('exponent', [1])];
      const [sum, stats, before] = g.emit('couple', [k, f, exponent], { direction: 'add', checksum: 'input' });
      const [back, , after] = g.emit('couple', [sum!, f, exponent], { direction: 'sub', checksum: 'output' });
      const [turned, , first] = g.emit('couple', [k, f, exponent], { direction: 'sub', checksum: 'input' });
      const [restored, , last] = g.emit('couple', [turned!, f, exponent], { direction: 'add', checksum: 'output' });
      const results = { sum, stats, before, back, after, first, restored, last };
      for (const [name, tensor] of Object.entries(results)) g.output(name, tensor!);
    });
    return (await session).load(compile(graph, backend.profile));
  }

  const rows = (['q16', 'q32'] as const).flatMap((dtype) =>
    (['f32', 'bf16'] as const).map((float) => [dtype, float] as const),
  );
  it.each(rows)('%s plus and minus %s', async (dtype, float) => {
    const executable = await load(dtype, float);
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyInteger(dtype), { minLength: COUNT, maxLength: COUNT }),
        fc.array(anyFloat, { minLength: COUNT, maxLength: COUNT }),
        fc.integer({ min: 0, max: dtype === 'q16' ? 14 : 30 }),
        fc.nat(COUNT - 1),
        fc.nat(dtype === 'q16' ? 15 : 31),
        async (numbers, floats, exponent, at, bit) => {
          const k = hostArray(dtype, COUNT).map((_, i) => numbers[i]!);
          const f = hostArray(float, COUNT).map((_, i) => (float === 'bf16' ? toBf16(floats[i]!) : floats[i]!));
          const given = { k, f, exponent: Float32Array.of(exponent) };
          const r = await executable.run(given);
          expect(bytes(r.back!)).toEqual(bytes(k));
          expect(bytes(r.restored!)).toEqual(bytes(k));
          for (const name of ['after', 'first', 'last']) expect(r[name]).toEqual(r.before);
          const flipped = k.slice();
          flipped[at]! ^= 1 << bit;
          const other = await executable.run({ ...given, k: flipped });
          expect(other.before![0]).not.toBe(r.before![0]);
          expect(other.before![1]).not.toBe(r.before![1]);
        },
      ),
      { seed: 20260, numRuns: backend.name === 'reference' ? 60 : 120 },
    );
  });

  it.each(['q16', 'q32'] as const)('counts what it clamps on %s', async (dtype) => {
    const executable = await load(dtype, 'f32');
    const limit = dtype === 'q16' ? 2 ** 14 : 2 ** 30;
    const g = START[dtype];
    const [k, f] = [hostArray(dtype, COUNT), new Float32Array(COUNT)];
    f.set([NaN, Infinity, -Infinity, (limit + 1) * 2 ** -g, limit * 2 ** -g, -limit * 2 ** -g, 2.5 * 2 ** -g]);
    k[4] = limit;
    const { sum, stats } = await executable.run({ k, f, exponent: Float32Array.of(g) });
    // For q32 limit + 1 is not an f32: it rounds to the limit itself, which is not clamped.
    const over = dtype === 'q16' ? 3 : 2;
    expect([...stats!]).toEqual([2 * limit, 1, over, 1]);
    expect([...sum!.subarray(0, 8)]).toEqual([0, limit, -limit, limit, -2 * limit, -limit, 2, 0]);
  });
});
