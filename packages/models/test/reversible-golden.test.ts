/**
 * The reversible networks against PyTorch (fixtures/make-reversible.py): with float streams and the same numbers they give
 * the same logits, gradients and running statistics. Reference backend, the oracle.
 */
import { add, compile, gradients, loadBackend, mul, sum, trace, type Tensor } from '@revoxel/runtime';
import { describe, expect, it } from 'vitest';
import { applyModel, modelParameterCount, modelParameters, type ModelConfig } from '../src/index.js';
import fixture from './fixtures/reversible.json' with { type: 'json' };

const backend = await loadBackend('reference');

type Digest = readonly number[];
interface Row {
  readonly name: string;
  readonly shape: number[];
  readonly model: ModelConfig;
  readonly logits: readonly { readonly shape: number[]; readonly digest: Digest }[];
  readonly parameters: readonly { readonly name: string; readonly shape: number[]; readonly gradient: Digest }[];
  readonly states: readonly { readonly name: string; readonly digest: Digest }[];
  readonly inference: Digest;
}

const countOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const fill = (count: number, f: (i: number) => number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => f(i));

/** Sum, sum of absolute values, and a weighted sum that notices any exchange of elements. */
function digest(x: ArrayLike<number>): Digest {
  const out = [0, 0, 0];
  Array.from(x).forEach((v, i) => {
    out[0]! += v;
    out[1]! += Math.abs(v);
    out[2]! += v * Math.cos(0.37 * i);
  });
  return out;
}

function expectClose(name: string, actual: Digest, expected: Digest): void {
  // fp32 against fp64: sums are off by a small part of the sum of absolute values.
  const slack = 2e-5 * expected[1]! + 2e-6;
  actual.forEach((v, i) =>
    expect(Math.abs(v - expected[i]!), `${name}: ${String(actual)} for ${String(expected)}`).toBeLessThan(slack),
  );
}

describe.each(fixture.networks as unknown as Row[])('$name', (row) => {
  const model = { ...row.model, stream: 'f32' } as ModelConfig;
  const rank = row.shape.length - 2;

  it('has the parameters of the PyTorch network', () => {
    const mine = new Map(modelParameters(model, row.shape[1]!, rank).map((p) => [p.name, [...p.shape]]));
    expect(mine).toEqual(new Map(row.parameters.map((p) => [p.name, p.shape])));
    expect(modelParameterCount(model, row.shape[1]!, rank)).toBe(
      row.parameters.reduce((total, p) => total + countOf(p.shape), 0),
    );
  });

  it('gives its logits, gradients and running statistics', async () => {
    using session = await backend.createSession();
    const training = trace('training', (g) => {
      const logits = applyModel(g.input('x', row.shape), model, { training: true });
      expect(logits.map((t) => t.shape)).toEqual(row.logits.map((t) => t.shape));
      const terms = logits.map((t, h) => sum(mul(t, g.input(`w${h}`, t.shape))));
      const parameters = g.parameters();
      const grads = gradients(
        terms.reduce((a: Tensor, b) => add(a, b)),
        parameters.map((p) => p.tensor),
      );
      logits.forEach((t, h) => g.output(`y${h}`, t));
      parameters.forEach(({ name }, p) => g.output(name, grads[p]!));
    });
    const inference = trace('inference', (g) => g.output('y', applyModel(g.input('x', row.shape), model)[0]!));
    const train = await session.load(compile(training, backend.profile));
    const infer = await session.load(compile(inference, backend.profile));
    for (const [p, { name, shape }] of row.parameters.entries()) {
      const one = name.endsWith('norm.weight') ? 1 : 0;
      await session.write(
        name,
        fill(countOf(shape), (k) => one + 0.1 * Math.sin(0.7 * k + 0.3 * p)),
      );
    }

    const x = fill(countOf(row.shape), (i) => Math.cos(0.05 * i) + 0.5 * Math.sin(1.7 * i));
    const weights = row.logits.map((t, h) => [`w${h}`, fill(countOf(t.shape), (i) => Math.cos(0.1 * i + h))] as const);
    const results = await train.run({ x, ...Object.fromEntries(weights) });
    row.logits.forEach((t, h) => expectClose(`logits ${h}`, digest(results[`y${h}`]!), t.digest));
    for (const { name, gradient } of row.parameters) expectClose(name, digest(results[name]!), gradient);
    for (const state of row.states)
      expectClose(state.name, digest((await session.read(state.name)) as Float32Array), state.digest);
    expectClose('inference', digest((await infer.run({ x })).y!), row.inference);
  });
});
