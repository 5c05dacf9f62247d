/** Choices that differ from unit to unit, laid out as they are: checked wherever inversion begins, same bits as keeping. */

import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backend/reference/backend.js';
import type { HostArray } from '../../src/graph/dtype.js';
import { trace } from '../../src/graph/builder.js';
import { gradients } from '../../src/autodiff/gradients.js';
import { compile } from '../../src/compile.js';
import { lower } from '../../src/lower/lower.js';
import { heNormal } from '../../src/graph/initializer.js';
import type { UnitChoice } from '../../src/memory/options.js';
import { Scorer } from '../../src/memory/score.js';
import { add, mul } from '../../src/ops/binary.js';
import { conv } from '../../src/ops/conv.js';
import { couple } from '../../src/ops/couple.js';
import { dequantize } from '../../src/ops/dequantize.js';
import { quantize } from '../../src/ops/quantize.js';
import { mean } from '../../src/ops/reduce.js';
import { leakyRelu } from '../../src/ops/unary.js';
import { buildPlan } from '../../src/plan/build.js';
import type { Graph } from '../../src/graph/graph.js';
import type { Tensor } from '../../src/graph/tensor.js';
import { sameBits } from '../../src/testing/check-memory.js';
import { reversibleNet } from '../../src/testing/reversible-net.js';
import { testNumbers } from '../../src/testing/test-data.js';

const backend = createReferenceBackend();

async function run(graph: Graph, choices?: readonly UnitChoice[]): Promise<Record<string, HostArray>> {
  const scorer = new Scorer(lower(graph, backend.profile), backend.profile, { cheap: false });
  const remade = scorer.build(scorer.score(choices ?? scorer.all('keep')));
  if (choices?.includes('invert')) {
    const undone = remade.nodes.filter((n) => n.op === 'couple' && n.attrs.direction === 'sub');
    // Where a run of inverted couplings begins there is a check: as many as runs, at least.
    expect(undone.length).toBeGreaterThan(0);
    expect(remade.nodes.some((n) => n.op === 'checkEqual')).toBe(true);
  }
  using session = await backend.createSession({ seed: 3 });
  const plan = buildPlan(remade, backend.profile);
  const x = Float32Array.from(testNumbers('x', 2 * 2 * 64, { kind: 'uniform', low: -1, high: 1 }));
  const executable = await session.load(plan);
  return await executable.run({ x });
}

describe('mixed choices', () => {
  const graph = reversibleNet({ stream: 'q16', blocks: 4 });

  it.each([
    ['the first blocks kept', ['keep', 'keep', 'invert', 'invert']],
    ['the last blocks kept', ['invert', 'invert', 'keep', 'keep']],
    ['every other', ['invert', 'recompute', 'invert', 'keep']],
    ['joined', ['recompute', 'join', 'invert', 'recompute']],
  ] as const)('%s', async (_name, choices) => {
    const want = await run(graph);
    const got = await run(graph, choices);
    for (const name of Object.keys(want)) expect(sameBits(got[name]!, want[name]!), name).toBe(true);
  });
});

/** A small exact net over x, with parameters of its own. */
function lossOf(x: Tensor, name: string, inner = false): Tensor {
  const g = x.graph;
  return g.scope(name, () => {
    const exponent = g.state('exponent', [1], { kind: 'constant', value: 9 });
    const weight = (part: string): Tensor => g.parameter(part, [2, 2, 3, 3, 3], heNormal(54));
    const convolve = (t: Tensor, part: string): Tensor => conv(leakyRelu(t), weight(part), undefined, { padding: 1 });
    const [a, b] = [quantize(x, exponent, 'q16'), quantize(convolve(x, 'stem'), exponent, 'q16')];
    const [y, z] = g.region(
      'block',
      () => {
        const h = convolve(dequantize(b, exponent), 'f');
        const first = couple(a, inner ? add(h, convolve(h, 'inner')) : h, exponent);
        return [first, couple(b, convolve(dequantize(first, exponent), 'g'), exponent)] as [Tensor, Tensor];
      },
      { reversible: true },
    );
    const out = mul(dequantize(y, exponent), dequantize(z, exponent));
    return mean(mul(out, out));
  });
}

describe('graphs of other kinds', () => {
  it('two losses, one after the other', async () => {
    const graph = trace('two', (g) => {
      const x = g.input('x', [2, 2, 4, 4, 4]);
      for (const name of ['first', 'second']) {
        const loss = lossOf(x, name);
        const own = g.parameters().filter((p) => p.name.startsWith(name));
        gradients(
          loss,
          own.map((p) => p.tensor),
        ).forEach((t, i) => g.output(own[i]!.name, t));
      }
    });
    const want = await run(graph);
    const got = await run(graph, ['invert', 'invert']);
    for (const name of Object.keys(want)) expect(sameBits(got[name]!, want[name]!), name).toBe(true);
  });

  it('a residual function with a sum inside: nothing of it is kept', () => {
    const graph = trace('inner', (g) => {
      const loss = lossOf(g.input('x', [2, 2, 4, 4, 4]), 'net', true);
      const own = g.parameters();
      gradients(
        loss,
        own.map((p) => p.tensor),
      ).forEach((t, i) => g.output(own[i]!.name, t));
    });
    const scorer = new Scorer(lower(graph, backend.profile), backend.profile, { cheap: false });
    const { sources } = scorer.score(['invert']);
    const made = [...sources.kept].map((v) => scorer.facts.producer.get(v)!);
    expect(made.filter((n) => n.name.startsWith('net.block') && n.op !== 'couple').map((n) => n.name)).toEqual([]);
  });

  it('a residual function with a sum inside, in floats: the sum is not taken for a stream', () => {
    const graph = trace('float', (g) => {
      const x = g.input('x', [2, 2, 4, 4, 4]);
      const weight = (part: string): Tensor => g.parameter(part, [2, 2, 3, 3, 3], heNormal(54));
      const convolve = (t: Tensor, part: string): Tensor => conv(leakyRelu(t), weight(part), undefined, { padding: 1 });
      let [a, b] = [convolve(x, 'stem0'), convolve(x, 'stem1')];
      for (const i of [0, 1, 2])
        [a, b] = g.region(
          `block${i}`,
          () => {
            const h = convolve(b, `f${i}`);
            return [b, add(a, add(h, convolve(h, `inner${i}`)))] as [Tensor, Tensor];
          },
          { reversible: true },
        );
      const loss = mean(mul(add(a, b), b));
      const own = g.parameters();
      gradients(
        loss,
        own.map((p) => p.tensor),
      ).forEach((t, i) => g.output(own[i]!.name, t));
    });
    const plan = compile(graph, backend.profile, { memory: 'invert', cheap: false });
    const kept = compile(graph, backend.profile, { memory: 'keep', cheap: false });
    expect(plan.memory.byClass.activations).toBeLessThan(kept.memory.byClass.activations);
    const scorer = new Scorer(lower(graph, backend.profile), backend.profile, { cheap: false });
    const { sources } = scorer.score(scorer.all('invert', 'keep'));
    const inside = [...sources.kept].map((v) => scorer.facts.producer.get(v)!).filter((n) => n.name.includes('block0'));
    expect(inside.map((n) => n.name)).toEqual([]);
  });
});
