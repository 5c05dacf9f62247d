/** Every operation: the fast path against the reference, in f32 and bf16, with one, two and three workers. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backend/reference/backend.js';
import { createTypescriptBackend } from '../../src/backend/typescript/backend.js';
import { isFloat, OP_NAMES, type Backend, type OpName, type Session } from '../../src/index.js';
import { OP_SAMPLES, type OpSample } from './op-samples.js';
import { inBf16, numbersOf, runSample, type SampleResult } from './run-sample.js';

const plain = createReferenceBackend();
/** The reference with its own loops for fused operations in place of their expansions. */
const reference: Backend = {
  ...plain,
  profile: { ...plain.profile, fusions: new Set<OpName>(['normAct', 'normActGrad']) },
};
const typescript = [1, 2, 3].map((threads) => createTypescriptBackend({ threads }));
let oracle: Session;
let sessions: Session[];

beforeAll(async () => {
  oracle = await reference.createSession();
  sessions = await Promise.all(typescript.map((b) => b.createSession()));
});
afterAll(() => [oracle, ...sessions].forEach((s) => s.dispose()));

/**
 * Both sides sum in float64 and round once, so f32 results differ by that rounding and by the order of float64 sums:
 * a few 1e-7 of the largest value. A bf16 result may fall to the neighbouring number: 2^-7 of itself.
 */
function expectClose(sample: OpSample, actual: SampleResult, expected: SampleResult, slack = 1): void {
  const [a, b] = [numbersOf(actual), numbersOf(expected)];
  expect(a.length).toBe(b.length);
  const largest = b.reduce((max, v) => (Number.isFinite(v) ? Math.max(max, Math.abs(v)) : max), 0);
  // Integers are exact.
  const tolerance = slack * (actual.dtype === 'bf16' ? 2 ** -7 : isFloat(actual.dtype) ? 4e-7 : 0);
  b.forEach((want, i) => {
    const got = a[i]!;
    const same =
      Object.is(got + 0, want + 0) ||
      Math.abs(got - want) <=
        (actual.dtype === 'bf16' ? tolerance * Math.abs(want) + 1e-6 * largest : tolerance * largest);
    if (!same) expect.fail(`${sample.op} ${sample.title}: element ${i} is ${got}, expected ${want}`);
  });
}

function bytesOf({ data }: SampleResult): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

const samples = OP_SAMPLES.flatMap((s) => (s.bf16 ? [s, inBf16(s)] : [s]));

describe('typescript backend', () => {
  it.each(samples.map((s) => [`${s.op}: ${s.title}`, s] as const))('%s', async (_, sample) => {
    const expected = await runSample(reference, oracle, sample, 1);
    const results: SampleResult[][] = [];
    for (const [i, backend] of typescript.entries()) results.push(await runSample(backend, sessions[i]!, sample, 1));
    expected.forEach((want, i) => expectClose(sample, results[0]![i]!, want));
    // The number of workers changes no bit.
    for (const other of results.slice(1))
      other.forEach((r, i) => expect(bytesOf(r).equals(bytesOf(results[0]![i]!))).toBe(true));
  });

  it.each(
    OP_SAMPLES.filter((s) => s.op === 'normAct' || s.op === 'normActGrad').map(
      (s) => [`${s.op}: ${s.title}`, s] as const,
    ),
  )('%s equals its expansion', async (_, sample) => {
    const expected = await runSample(plain, oracle, sample, 5);
    const actual = await runSample(typescript[0]!, sessions[0]!, sample, 5);
    // The expansion rounds every intermediate result to f32.
    expected.forEach((want, i) => expectClose(sample, actual[i]!, want, 20));
  });

  it('has a sample of every operation that needs no persistent value', () => {
    const sampled = new Set(OP_SAMPLES.map((s) => s.op));
    expect(OP_NAMES.filter((name) => !sampled.has(name)).sort()).toEqual([
      'adamwUpdate',
      'assign',
      'lossScaleUpdate',
      'packWeights',
      'sgdUpdate',
      'streamUpdate',
    ]);
  });
});
