/** Sessions of the backends in this package: parameters, updates, stale derived values, aborts, disposal, errors. */

import { afterEach, describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backend/reference/backend.js';
import { createTypescriptBackend } from '../../src/backend/typescript/backend.js';
import {
  AbortedError,
  adamwUpdate,
  ArgumentError,
  assign,
  ChecksumError,
  compile,
  DisposedError,
  fill,
  mul,
  ONES,
  OutOfMemoryError,
  RevoxelError,
  scale,
  sum,
  trace,
  type Backend,
  type HostArray,
  type Plan,
  type Session,
  type SessionOptions,
} from '../../src/index.js';
import { CLASSES, INPUT_ELEMENTS, LABEL_ELEMENTS, longGraph, predictGraph, trainGraph } from './networks.js';

const backends: readonly (readonly [string, Backend])[] = [
  ['reference', createReferenceBackend()],
  ['typescript, 1 thread', createTypescriptBackend({ threads: 1 })],
  ['typescript, 2 threads', createTypescriptBackend({ threads: 2 })],
];

const open: Session[] = [];
async function sessionOf(backend: Backend, options?: SessionOptions): Promise<Session> {
  const session = await backend.createSession(options);
  open.push(session);
  return session;
}
afterEach(() => open.splice(0).forEach((s) => s.dispose()));

const x = Float32Array.from({ length: INPUT_ELEMENTS }, (_, i) => Math.sin(i * 0.37) + 0.3 * Math.cos(i * 1.7));
const labels = Uint8Array.from({ length: LABEL_ELEMENTS }, (_, i) => Math.floor(i / 7) % CLASSES);

/** Largest distance, as a part of the largest number. */
function distance(a: HostArray, b: HostArray): number {
  let [worst, largest] = [0, 0];
  b.forEach((v, i) => {
    worst = Math.max(worst, Math.abs(v - a[i]!));
    largest = Math.max(largest, Math.abs(v));
  });
  return worst / largest;
}

async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.fail('expected a rejection'),
    (error: unknown) => error as Error,
  );
}

describe.each(backends)('%s', (_, backend) => {
  it('trains, and a plan with other weight forms sees the new weights', async () => {
    const session = await sessionOf(backend, { seed: 3 });
    const predict = await session.load(compile(predictGraph(), backend.profile));
    const train = await session.load(compile(trainGraph(), backend.profile));
    const before = (await predict.run({ x })).y!;
    const losses: number[] = [];
    for (let step = 0; step < 8; step++) losses.push((await train.run({ x, labels }, { lr: 0.05 })).loss![0]!);
    expect(losses[7]!).toBeLessThan(losses[0]! * 0.98);
    const after = (await predict.run({ x })).y!;
    expect(distance(after, before)).toBeGreaterThan(0.01);

    // A session of its own with the trained weights written into it says the same.
    const other = await sessionOf(backend, { seed: 99 });
    const again = await other.load(compile(predictGraph(), backend.profile));
    await again.run({ x });
    for (const name of other.names()) await other.write(name, await session.read(name));
    expect(distance((await again.run({ x })).y!, after)).toBe(0);
  });

  it('gives the losses of the reference', async () => {
    const run = async (b: Backend): Promise<number[]> => {
      const session = await sessionOf(b, { seed: 5 });
      const train = await session.load(compile(trainGraph(), b.profile));
      const losses: number[] = [];
      for (let step = 0; step < 4; step++) losses.push((await train.run({ x, labels }, { lr: 0.05 })).loss![0]!);
      return losses;
    };
    const [actual, expected] = [await run(backend), await run(createReferenceBackend())];
    // f32 stores at other places (fused norms) drift apart slowly.
    actual.forEach((loss, i) => expect(Math.abs(loss - expected[i]!)).toBeLessThan(2e-6 * expected[i]!));
  });

  it('initialises by seed and name, whatever the backend', async () => {
    const plan = compile(predictGraph(), backend.profile);
    const read = async (b: Backend, seed: number): Promise<HostArray> => {
      const session = await sessionOf(b, { seed });
      await session.load(b === backend ? plan : compile(predictGraph(), b.profile));
      return session.read('down.weight');
    };
    const weights = await read(backend, 1);
    expect(await read(createReferenceBackend(), 1)).toEqual(weights);
    expect(distance(await read(backend, 2), weights)).toBeGreaterThan(0.1);
    const std = Math.sqrt(Array.from(weights).reduce((total, v) => total + v * v, 0) / weights.length);
    expect(std).toBeCloseTo(Math.sqrt(2 / 54), 1);
  });

  it('reads and writes in logical order, and tells what it holds', async () => {
    const session = await sessionOf(backend);
    await session.load(compile(trainGraph(), backend.profile));
    expect(session.names().slice(0, 2)).toEqual(['down.weight', 'down.gamma']);
    expect(session.describe('up.weight')).toEqual({ shape: [4, 4, 2, 2, 2], dtype: 'f32', kind: 'parameter' });
    expect(session.describe('up.weight.momentum').kind).toBe('optimizer');
    const data = Float32Array.from({ length: 128 }, (_, i) => i);
    await session.write('up.weight', data);
    expect(await session.read('up.weight')).toEqual(data);
    const { persistentBytes, transientBytes } = session.memory();
    const { memory } = compile(trainGraph(), backend.profile);
    expect([persistentBytes, transientBytes]).toEqual([memory.persistentBytes, memory.transientBytes]);
  });

  it('updates by AdamW and assigns state in place', async () => {
    const graph = trace('adamw', (g) => {
      const w = g.parameter('w', [3], { kind: 'constant', value: 0.5 });
      const m = g.state('m', [3], { kind: 'constant', value: 0 }, 'optimizer');
      const v = g.state('v', [3], { kind: 'constant', value: 0 }, 'optimizer');
      const count = g.state('count', [2], ONES);
      const grad = g.input('grad', [3]);
      adamwUpdate(w, grad, m, v, g.step('lr'), fill(g, [], 2), g.step('step', 'u32'), {
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
        weightDecay: 0.1,
      });
      assign(count, scale(count, 2));
    });
    const session = await sessionOf(backend);
    const run = await session.load(compile(graph, backend.profile));
    const grad = new Float32Array([0.1, -0.2, 3]);
    let [w, m, v] = [
      [0.5, 0.5, 0.5],
      [0, 0, 0],
      [0, 0, 0],
    ];
    for (let step = 0; step < 3; step++) {
      await run.run({ grad }, { lr: 0.01, step });
      const g2 = [...grad].map((g) => 2 * g);
      m = m.map((value, i) => 0.9 * value + 0.1 * g2[i]!);
      v = v.map((value, i) => 0.999 * value + 0.001 * g2[i]! ** 2);
      w = w.map(
        (value, i) =>
          value -
          0.01 * 0.1 * value -
          (0.01 * (m[i]! / (1 - 0.9 ** (step + 1)))) / (Math.sqrt(v[i]! / (1 - 0.999 ** (step + 1))) + 1e-8),
      );
    }
    (await session.read('w')).forEach((value, i) => expect(value).toBeCloseTo(w[i]!, 6));
    expect([...(await session.read('count'))]).toEqual([8, 8]);
  });

  it('fills the buffers it is given and never returns its own', async () => {
    const session = await sessionOf(backend);
    const run = await session.load(compile(longGraph(16, 1), backend.profile));
    const own = new Float32Array(16);
    const first = await run.run({ x: new Float32Array(16).fill(1) }, {}, { into: { y: own } });
    expect(first.y).toBe(own);
    await run.run({ x: new Float32Array(16).fill(5) });
    expect(own[3]).toBe(3);
  });

  it('runs what is asked for at once one after another', async () => {
    const session = await sessionOf(backend);
    const run = await session.load(compile(longGraph(1000, 3), backend.profile));
    const results = await Promise.all([1, 2, 3].map((v) => run.run({ x: new Float32Array(1000).fill(v) })));
    expect(results.map((r) => r.y![999])).toEqual([15, 23, 31]);
  });

  it('stops between kernels, and its derived values are made again', async () => {
    const session = await sessionOf(backend);
    const predict = await session.load(compile(predictGraph(), backend.profile));
    const expected = (await predict.run({ x })).y!;
    const long = await session.load(compile(longGraph(200_000, 60), backend.profile));
    const controller = new AbortController();
    const run = long.run({ x: new Float32Array(200_000) }, {}, { signal: controller.signal });
    setTimeout(() => controller.abort(), 5);
    expect(await rejection(run)).toBeInstanceOf(AbortedError);
    expect(
      await rejection(long.run({ x: new Float32Array(200_000) }, {}, { signal: AbortSignal.abort() })),
    ).toBeInstanceOf(AbortedError);
    expect(distance((await predict.run({ x })).y!, expected)).toBe(0);
  });

  it('refuses use after disposal, and what is queued behind it', async () => {
    const session = await sessionOf(backend);
    const run = await session.load(compile(longGraph(16, 1), backend.profile));
    const queued = run.run({ x: new Float32Array(16) });
    session.dispose();
    expect(session.disposed).toBe(true);
    expect(await rejection(queued)).toBeInstanceOf(DisposedError);
    expect(await rejection(run.run({ x: new Float32Array(16) }))).toBeInstanceOf(DisposedError);
    expect(await rejection(session.read('w'))).toBeInstanceOf(DisposedError);
    expect(() => session.names()).toThrow(DisposedError);
    session.dispose();
  });

  it('finishes what is in flight when it is disposed', async () => {
    const session = await sessionOf(backend);
    const run = await session.load(compile(longGraph(1000, 20), backend.profile));
    const flying = run.run({ x: new Float32Array(1000) });
    await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    session.dispose();
    expect((await flying).y![0]).toBe(2 ** 20 - 1);
  });

  it('says what is wrong with arguments', async () => {
    const session = await sessionOf(backend);
    const run = await session.load(compile(trainGraph(), backend.profile));
    const messages = await Promise.all(
      [
        run.run({ labels }, { lr: 0.1 }),
        run.run({ x: x.subarray(1), labels }, { lr: 0.1 }),
        run.run({ x, labels: x as HostArray }, { lr: 0.1 }),
        run.run({ x, labels }, {}),
        run.run({ x, labels }, { lr: 0.1 }, { into: { los: new Float32Array(1) } }),
        run.run({ x, labels }, { lr: 0.1 }, { into: { loss: new Float32Array(2) } }),
        session.read('nobody'),
        session.write('down.gamma', new Float32Array(3)),
      ].map(async (p) => {
        const error = await rejection(p);
        expect(error).toBeInstanceOf(ArgumentError);
        return error.message;
      }),
    );
    expect(messages).toMatchInlineSnapshot(`
      [
        "expected a Float32Array of 3360 elements (f32 [1, 2, 12, 10, 14]) for \`inputs.x\`, got undefined",
        "expected a Float32Array of 3360 elements (f32 [1, 2, 12, 10, 14]) for \`inputs.x\`, got Float32Array(3359)",
        "expected a Uint8Array of 1680 elements (u8 [1, 1, 12, 10, 14]) for \`inputs.labels\`, got Float32Array(3360)",
        "expected a number for \`step.lr\`, got undefined",
        "expected only outputs of plan "train" (loss) for \`into\`, got "los"",
        "expected a Float32Array of 1 elements (f32 []) for \`into.loss\`, got Float32Array(2)",
        "expected a persistent value of this session (see names()) for \`name\`, got "nobody"",
        "expected a Float32Array of 4 elements (f32 [4]) for \`down.gamma\`, got Float32Array(3)",
      ]
    `);
    expect(await rejection(backend.createSession({ seed: -1 }))).toBeInstanceOf(ArgumentError);
  });

  it('refuses plans that do not fit', async () => {
    const session = await sessionOf(backend, { memoryLimitBytes: 1e6 });
    expect(await rejection(session.load(compile(longGraph(1e6, 2), backend.profile)))).toBeInstanceOf(OutOfMemoryError);
    await session.load(compile(predictGraph(), backend.profile));
    const other = trace('other', (g) =>
      g.output('y', sum(mul(g.parameter('down.gamma', [5], ONES), g.input('x', [5])))),
    );
    const clash = await rejection(session.load(compile(other, backend.profile)));
    expect(clash.message).toBe(
      'plan "other" has "down.gamma" as f32 [5], the session as f32 [4]; use one session per network',
    );
    const foreign = await rejection(session.load({ ...compile(other, backend.profile), profile: 'cuda:9' }));
    expect(foreign).toBeInstanceOf(RevoxelError);
    expect(foreign.message).toContain('was compiled for "cuda:9"');
  });

  it('names the kernel that failed, and goes on', async () => {
    const session = await sessionOf(backend);
    const plan = compile(longGraph(16, 1), backend.profile);
    // A call that no compiler makes.
    const calls = plan.calls.map((call, i) =>
      i === 0 ? { ...call, op: 'nothing' } : call,
    ) as unknown as Plan['calls'];
    const broken: Plan = { ...plan, calls };
    const run = await session.load(broken);
    const error = await rejection(run.run({ x: new Float32Array(16) }));
    expect(error.message).toMatch(/^nothing "scale" failed: TypeError/);
    const fine = await session.load(plan);
    expect((await fine.run({ x: new Float32Array(16) })).y![0]).toBe(1);
  });

  it('stops, with a typed error, where a reversible sequence is not what it was', async () => {
    const graph = trace('check', (g) => {
      const [a, b] = [g.input('a', [2], 'u32'), g.input('b', [2], 'u32')];
      g.scope('encoder', () => g.emit('checkEqual', [a, b], {}, { name: 'encoder.0' }));
      const w = g.parameter('w', [1], ONES);
      g.phase('update', () => assign(w, scale(w, 2)));
    });
    const session = await sessionOf(backend);
    const run = await session.load(compile(graph, backend.profile));
    const a = Uint32Array.of(1, 4294967295);
    await run.run({ a, b: a.slice() });
    expect([...(await session.read('w'))]).toEqual([2]);
    const error = await rejection(run.run({ a, b: Uint32Array.of(1, 2147483647) }));
    expect(error).toBeInstanceOf(ChecksumError);
    expect(error).toMatchObject({ name: 'ChecksumError', code: 'ERR_CHECKSUM', sequence: 'encoder.0' });
    expect(error.message).toMatch(/^reversible sequence "encoder.0": the input rebuilt in the backward pass differs/);
    expect([...(await session.read('w'))]).toEqual([2]);
    await run.run({ a, b: a });
  });
});
