/**
 * Convolutions whose weights are parameters read packed copies: outputs and all gradients against the reference, before
 * and after the parameters are written. Also: NaN in, NaN out.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  compile,
  conv,
  createReferenceBackend,
  createTypescriptBackend,
  gradients,
  heNormal,
  mul,
  sum,
  trace,
  ZEROS,
  type Backend,
  type Graph,
  type HostArray,
  type Session,
} from '../../src/index.js';
import { CONVS, drawOperand, type ConvSample } from './op-samples.js';

const reference = createReferenceBackend();
const typescript = createTypescriptBackend({ threads: 2 });
/** Samples that `conv` can say: equal padding on both sides. */
const samples = CONVS.filter((c) => c.padAfter === undefined);

function outSize(c: ConvSample): number[] {
  return c.size.map(
    (s, i) =>
      Math.floor((s + 2 * (c.pad?.[i] ?? 0) - (c.dilation?.[i] ?? 1) * (c.kernel[i]! - 1) - 1) / (c.stride?.[i] ?? 1)) +
      1,
  );
}

/** y, and the gradients of sum(y * dy) by every piece, the weights and the bias. */
function graphOf(c: ConvSample, name: string): Graph {
  const { n = 1, ci, co, size, kernel, groups = 1 } = c;
  const channels = ci.reduce((a, b) => a + b, 0);
  return trace(name, (g) => {
    const pieces = ci.map((c0, i) => g.input(`x${i}`, [n, c0, ...size]));
    const w = g.parameter(`${name}.w`, [co, channels / groups, ...kernel], heNormal(channels * 8));
    const b = c.bias ? g.parameter(`${name}.b`, [co], ZEROS) : undefined;
    const y = conv(pieces, w, b, {
      ...(c.stride && { stride: c.stride }),
      ...(c.pad && { padding: c.pad }),
      ...(c.dilation && { dilation: c.dilation }),
      groups,
    });
    const wanted = [...pieces, w, ...(b ? [b] : [])];
    const found = gradients(sum(mul(y, g.input('dy', [n, co, ...outSize(c)]))), wanted);
    g.output('y', y);
    found.forEach((t, i) => g.output(`d${i}`, t));
  });
}

function inputsOf(c: ConvSample): Record<string, HostArray> {
  const { n = 1, ci, co, size } = c;
  const inputs: Record<string, HostArray> = { dy: drawOperand({ shape: [n, co, ...outSize(c)] }, 31) };
  ci.forEach((c0, i) => (inputs[`x${i}`] = drawOperand({ shape: [n, c0, ...size] }, 11 + i)));
  return inputs;
}

function expectClose(name: string, actual: HostArray, expected: HostArray): void {
  const largest = Array.from(expected).reduce((max, v) => Math.max(max, Math.abs(v)), 0);
  expected.forEach((want, i) => {
    if (!(Math.abs(actual[i]! - want) <= 4e-7 * largest))
      expect.fail(`${name}: element ${i} is ${actual[i]}, expected ${want}`);
  });
}

describe('convolutions with packed weights', () => {
  let oracle: Session;
  let session: Session;
  beforeAll(async () => {
    [oracle, session] = (await Promise.all(
      [reference, typescript].map((b: Backend) => b.createSession({ seed: 4 })),
    )) as [Session, Session];
  });
  afterAll(() => [oracle, session].forEach((s) => s.dispose()));

  it.each(
    samples.map(
      (c, i) =>
        [
          `${c.ci.join('+')}->${c.co} of ${c.size.join('x')}, kernel ${c.kernel.join('x')}, sample ${i}`,
          c,
          `conv${i}`,
        ] as const,
    ),
  )('%s', async (_, c, name) => {
    const graph = graphOf(c, name);
    const [a, b] = [
      await oracle.load(compile(graph, reference.profile)),
      await session.load(compile(graph, typescript.profile)),
    ];
    const inputs = inputsOf(c);
    for (const round of [0, 1]) {
      const [expected, actual] = [await a.run(inputs), await b.run(inputs)];
      for (const [key, want] of Object.entries(expected))
        expectClose(`${name} ${key}, round ${round}`, actual[key]!, want);
      const parameter = `${name}.w`;
      const changed = drawOperand({ shape: oracle.describe(parameter).shape }, 77);
      await Promise.all([oracle.write(parameter, changed), session.write(parameter, changed)]);
    }
  });

  it('lets NaN through to every output that reads it', async () => {
    const c = samples.find((s) => s.ci[0] === 8 && s.co === 9)!;
    const graph = graphOf(c, 'nan');
    const inputs = inputsOf(c);
    inputs.x0![100] = NaN;
    const [expected, actual] = [
      await (await oracle.load(compile(graph, reference.profile))).run(inputs),
      await (await session.load(compile(graph, typescript.profile))).run(inputs),
    ];
    expect(Array.from(expected.y!).some(Number.isNaN)).toBe(true);
    expected.y!.forEach((want, i) => {
      if (Number.isNaN(want)) expect(actual.y![i]).toBeNaN();
    });
  });
});
