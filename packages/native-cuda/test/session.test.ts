/** Sessions on the emulated device: training beside the reference, graphs, repeatability, growth, stopping, errors, memory. */

import {
  AbortedError,
  add,
  ArgumentError,
  BackendUnavailableError,
  assign,
  compile,
  createReferenceBackend,
  DisposedError,
  OutOfMemoryError,
  relu,
  RevoxelError,
  slice,
  trace,
  type Backend,
  type Plan,
} from '@revoxel/runtime';
import {
  emit,
  compareArrays,
  SMALL_PATCH as PATCH,
  smallBatch as batch,
  smallInferenceGraph as inferenceGraph,
  smallTrainingGraph as trainingGraph,
  trainSmallNet,
} from '@revoxel/runtime/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { loadAddon } from '../src/addon.js';
import { createBackend, hasCodeFor, liveBytes, probe } from '../src/backend.js';
import { notBuilt, named } from './built.js';

const STEP = { lr: 0.05, factor: 1 };
const OUT_OF_MEMORY = 2;
const LAUNCH_FAILURE = 719;

const reluPlan = async (backend: Backend, name = 'relu', length = 4): Promise<Plan> =>
  compile(
    trace(name, (g) => g.output('y', relu(g.input('x', [length])))),
    backend.profile,
  );

async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.fail('expected a rejection'),
    (error: unknown) => error as Error,
  );
}

describe.skipIf(notBuilt)(named('sessions'), () => {
  const emulate = notBuilt ? undefined : loadAddon('emulated').emulate!;
  const stats = notBuilt ? undefined : loadAddon('emulated').emulatorStats!;

  afterEach(() => emulate?.({ order: 'round-robin', memoryLimit: -1, failAfter: -1, failCode: 0, revive: true }));

  it('train as the reference does, launched one by one and as a graph', { timeout: 120_000 }, async () => {
    const expected = await trainSmallNet(createReferenceBackend(), 4);
    const before = stats!().graphLaunches;
    const actual = await trainSmallNet(await createBackend({ emulated: true }), 4);
    expect(stats!().graphLaunches - before).toBe(3);
    const single = await trainSmallNet(await createBackend({ emulated: true, graphs: false }), 4);
    expect(single.losses).toEqual(actual.losses);
    for (const [name, values] of actual.parameters) expect(single.parameters.get(name), name).toEqual(values);
    expect(compareArrays(actual.losses, expected.losses, { rtol: 1e-5, atol: 1e-5 })?.message).toBeUndefined();
    for (const [name, values] of expected.parameters) {
      expect(
        compareArrays(actual.parameters.get(name)!, values, { rtol: 1e-3, atol: 1e-4 })?.message,
        name,
      ).toBeUndefined();
    }
    expect(compareArrays(actual.logits, expected.logits, { rtol: 1e-3, atol: 1e-3 })?.message).toBeUndefined();
  });

  it('give the same bits under every schedule of threads', { timeout: 120_000 }, async () => {
    const runs = [];
    for (const order of ['round-robin', 'ascending', 'descending', 'random'] as const) {
      emulate!({ order, seed: 11 });
      runs.push(await trainSmallNet(await createBackend({ emulated: true }), 2));
    }
    for (const run of runs.slice(1)) {
      expect(run.losses).toEqual(runs[0]!.losses);
      for (const [name, values] of runs[0]!.parameters) expect(run.parameters.get(name), name).toEqual(values);
    }
  });

  it('keep values and plans when later plans make the memory grow', async () => {
    const backend = await createBackend({ emulated: true });
    using session = await backend.createSession();
    const small = await session.load(await reluPlan(backend));
    const x = Float32Array.of(-1, 2, -3, 4);
    await small.run({ x });
    await small.run({ x });
    await session.load(compile(inferenceGraph(), backend.profile));
    const w = Float32Array.from({ length: 12 * 8 * 27 }, (_, i) => i);
    await session.write('down1.w', w);
    await session.load(compile(trainingGraph(), backend.profile));
    expect(await session.read('down1.w')).toEqual(w);
    expect([...(await small.run({ x }))['y']!]).toEqual([0, 2, 0, 4].map((v) => expect.closeTo(v)));
  });

  it('go on with the states of earlier plans when the memory of states moves', async () => {
    const backend = await createBackend({ emulated: true });
    using session = await backend.createSession();
    const counting = (name: string, length: number): Plan =>
      compile(
        trace(name, (g) => {
          const state = g.state(name, [length], { kind: 'constant', value: 0 });
          assign(state, add(state, g.input('x', [length])));
        }),
        backend.profile,
      );
    const small = await session.load(counting('small', 4));
    const x = Float32Array.of(1, 2, 3, 4);
    for (let i = 0; i < 3; i++) await small.run({ x });
    await session.load(counting('large', 1 << 16));
    for (let i = 0; i < 2; i++) await small.run({ x });
    expect(await session.read('small')).toEqual(x.map((v) => 5 * v));
    expect(new Set(await session.read('large'))).toEqual(new Set([0]));
  });

  it('refuse after a fault that ends the context, and say what to do', async () => {
    const backend = await createBackend({ emulated: true, graphs: false });
    using session = await backend.createSession();
    const run = await session.load(await reluPlan(backend));
    const x = new Float32Array(4);
    await run.run({ x });
    // The copy of x, then the launch.
    emulate!({ failAfter: 1, failCode: LAUNCH_FAILURE });
    const lost = await failure(run.run({ x }));
    expect(lost).toBeInstanceOf(RevoxelError);
    expect(lost).toMatchObject({ code: 'ERR_CUDA_CONTEXT_LOST' });
    expect(lost.message).toMatch(/start the process again/);
    emulate!({ failAfter: -1, failCode: 0, revive: true });
    expect(await failure(run.run({ x }))).toMatchObject({ code: 'ERR_CUDA_CONTEXT_LOST' });
    using other = await backend.createSession();
    expect((await (await other.load(await reluPlan(backend))).run({ x }))['y']).toEqual(x);
  });

  it('say how much device memory a plan lacks, and stay usable', async () => {
    const backend = await createBackend({ emulated: true });
    using session = await backend.createSession();
    const small = await session.load(await reluPlan(backend));
    emulate!({ memoryLimit: 1 << 16 });
    const large = await reluPlan(backend, 'large', 1 << 16);
    const error = await failure(session.load(large));
    expect(error).toBeInstanceOf(OutOfMemoryError);
    expect(error).toMatchObject({ neededBytes: large.memory.transientBytes });
    expect((error as OutOfMemoryError).availableBytes).toBeLessThanOrEqual((1 << 16) + 4096);
    expect(error.message).toMatch(/--memory invert/);
    expect((await small.run({ x: Float32Array.of(1, -1, 1, -1) }))['y']![0]).toBe(1);
    emulate!({ memoryLimit: -1, failAfter: 0, failCode: OUT_OF_MEMORY });
    await expect(session.load(large)).rejects.toThrow(OutOfMemoryError);
    const run = await session.load(large);
    expect((await run.run({ x: new Float32Array(1 << 16).fill(3) }))['y']![77]).toBe(3);
  });

  it('change nothing once a checksum has failed', async () => {
    const backend = await createBackend({ emulated: true });
    using session = await backend.createSession({ seed: 2 });
    const plan = compile(
      trace('guarded', (g) => {
        const a = g.input('a', [1], 'u32');
        const b = g.input('b', [1], 'u32');
        g.scope('encoder.2', () => g.output('zero', emit(g, 'checkEqual', [a, b], {})[0]!));
        const state = g.state('w', [4], { kind: 'constant', value: 1 }, 'buffer');
        assign(state, relu(g.input('x', [4])));
      }),
      backend.profile,
    );
    const run = await session.load(plan);
    const x = Float32Array.of(5, 6, 7, 8);
    for (let i = 0; i < 3; i++) {
      const error = await failure(run.run({ a: Uint32Array.of(1), b: Uint32Array.of(2), x }));
      expect(error).toMatchObject({ code: 'ERR_CHECKSUM' });
      expect(error.message).toMatch(/encoder\.2/);
      expect(await session.read('w')).toEqual(Float32Array.of(1, 1, 1, 1));
    }
    await run.run({ a: Uint32Array.of(3), b: Uint32Array.of(3), x });
    expect(await session.read('w')).toEqual(x);
  });

  it('train nothing once a checksum has failed', async () => {
    const backend = await createBackend({ emulated: true });
    using session = await backend.createSession({ seed: 2 });
    const shape = [7];
    const plan = compile(
      trace('guarded', (g) => {
        const [a, b] = [g.input('a', [1], 'u32'), g.input('b', [1], 'u32')];
        const state = (name: string, size: readonly number[]) => g.state(name, size, { kind: 'constant', value: 1 });
        const gradient = g.input('gradient', shape);
        const [lr, factor, step] = [g.step('lr'), g.step('factor'), g.step('step', 'u32')];
        g.scope('sequence', () => g.output('zero', emit(g, 'checkEqual', [a, b], {})[0]!));
        const sgd = ['sgd.w', 'sgd.m'].map((name) => state(name, shape));
        emit(g, 'sgdUpdate', [sgd[0]!, gradient, sgd[1]!, lr, factor], {
          momentum: 0.9,
          weightDecay: 0,
          nesterov: true,
        });
        const adamw = ['adamw.w', 'adamw.m', 'adamw.v'].map((name) => state(name, shape));
        emit(g, 'adamwUpdate', [adamw[0]!, gradient, adamw[1]!, adamw[2]!, lr, factor, step], {
          beta1: 0.9,
          beta2: 0.99,
          eps: 1e-8,
          weightDecay: 0.1,
        });
        const stats = g.input('stats', [4]);
        emit(g, 'streamUpdate', [state('exponent', [1]), state('monitor', [8]), stats], { bits: 16 });
      }),
      backend.profile,
    );
    const run = await session.load(plan);
    const inputs = { gradient: new Float32Array(7).fill(2), stats: Float32Array.of(30000, 5, 2, 1) };
    const values = { lr: 0.5, factor: 1, step: 3 };
    const ones = [...session.names()];
    expect(ones).toHaveLength(7);
    for (let i = 0; i < 2; i++) {
      const sums = { a: Uint32Array.of(1), b: Uint32Array.of(2) };
      expect(await failure(run.run({ ...inputs, ...sums }, values))).toMatchObject({ code: 'ERR_CHECKSUM' });
      for (const name of ones) expect(new Set(await session.read(name)), name).toEqual(new Set([1]));
    }
    await run.run({ ...inputs, a: Uint32Array.of(2), b: Uint32Array.of(2) }, values);
    for (const name of ones) expect(new Set(await session.read(name)), name).not.toEqual(new Set([1]));
  });

  it('move values larger than all staging buffers, sample by sample', { timeout: 60_000 }, async () => {
    const backend = await createBackend({ emulated: true });
    using session = await backend.createSession();
    // Three channels, so that the parts of a sample end within a row of the host; 24 MB against three buffers of 4.
    const shape = [2, 3, 100, 100, 100];
    const plan = compile(
      trace('large', (g) => {
        const state = g.state('s', shape, { kind: 'constant', value: 0 });
        const x = g.input('x', [2, 2]);
        assign(g.state('t', [2, 2], { kind: 'constant', value: 0 }), x);
        g.output('first', slice(state, [0, 0, 0, 0, 0], [2, 3, 1, 1, 2]));
      }),
      backend.profile,
    );
    const run = await session.load(plan);
    const values = Float32Array.from({ length: 6_000_000 }, (_, i) => i);
    await session.write('s', values);
    const { first } = await run.run({ x: new Float32Array(4) });
    const at = [0, 1, 2, 3, 4, 5].flatMap((row) => [row * 1_000_000, row * 1_000_000 + 1]);
    expect([...first!]).toEqual(at);
    const back = await session.read('s');
    expect(Buffer.from(back.buffer).equals(Buffer.from(values.buffer))).toBe(true);
  });

  it('stop and stay usable', { timeout: 60_000 }, async () => {
    const backend = await createBackend({ emulated: true });
    using session = await backend.createSession({ seed: 2 });
    const run = await session.load(compile(trainingGraph(), backend.profile));
    await run.run(batch(0), STEP);
    const aborter = new AbortController();
    const stopped = run.run(batch(1), STEP, { signal: aborter.signal });
    const queued = run.run(batch(1), STEP, { signal: aborter.signal });
    setImmediate(() => aborter.abort());
    const results = await Promise.allSettled([stopped, queued]);
    for (const r of results) if (r.status === 'rejected') expect(r.reason).toBeInstanceOf(AbortedError);
    expect(results[1]!.status).toBe('rejected');
    expect(Number.isFinite((await run.run(batch(2), STEP))['loss']![0])).toBe(true);
  });

  it('check every call of a plan when it is loaded', async () => {
    const backend = await createBackend({ emulated: true });
    using session = await backend.createSession();
    const plan = compile(trainingGraph(), backend.profile);
    const calls = plan.calls.map((c) => (c.scratch.bytes > 0 ? { ...c, scratch: { offset: 0, bytes: 0 } } : c));
    const error = await failure(session.load({ ...plan, calls }));
    expect(error).toMatchObject({ code: 'ERR_PLAN' });
    expect(error.message).toMatch(/\(call \d+\): needs \d+ bytes of scratch, the plan gives 0; operands \[/);
  });

  it('never block the event loop', { timeout: 60_000 }, async () => {
    const backend = await createBackend({ emulated: true });
    using session = await backend.createSession();
    const run = await session.load(compile(trainingGraph(), backend.profile));
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await run.run(batch(0), STEP);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(5);
  });

  it('hold what was planned and give it back', async () => {
    const before = liveBytes({ emulated: true });
    const backend = await createBackend({ emulated: true });
    const session = await backend.createSession();
    const plan = compile(trainingGraph(), backend.profile);
    await session.load(plan);
    const memory = session.memory();
    expect(memory.persistentBytes).toBe(plan.memory.persistentBytes);
    expect(memory.transientBytes).toBe(plan.memory.transientBytes);
    expect(liveBytes({ emulated: true }) - before).toBe(
      memory.persistentBytes + memory.transientBytes + memory.otherBytes,
    );
    // Step, return and status block, each from a multiple of 256 bytes on.
    expect(memory.otherBytes).toBeLessThanOrEqual(3 * 256);
    session.dispose();
    expect(liveBytes({ emulated: true })).toBe(before);
    await expect(session.read('head.w')).rejects.toThrow(DisposedError);
  });

  it('time every call when asked to', async () => {
    const backend = await createBackend({ emulated: true, profile: true });
    using session = await backend.createSession();
    const plan = compile(inferenceGraph(), backend.profile);
    const run = await session.load(plan);
    const x = batch(5).x.subarray(0, PATCH[0] * PATCH[1] * PATCH[2]);
    await run.run({ x });
    await run.run({ x });
    const { runs, seconds } = await session.timings(plan);
    expect(runs).toBe(2);
    expect(seconds.length).toBe(plan.calls.length);
    expect(seconds.every((s) => s >= 0) && seconds.some((s) => s > 0)).toBe(true);
  });

  it('run on the device that was asked for', async () => {
    const second = await createBackend({ emulated: true, device: 1 });
    using session = await second.createSession();
    expect((await (await session.load(await reluPlan(second))).run({ x: new Float32Array(4) }))['y']).toHaveLength(4);
    await expect(createBackend({ emulated: true, device: 2 })).rejects.toThrow(ArgumentError);
  });
});

it('say what is missing on a machine without a GPU', async () => {
  const found = probe();
  if (found.available) return;
  expect(found.reason).toMatch(/no NVIDIA driver|not built|another version|finds no GPU|driver supports/);
  await expect(createBackend()).rejects.toThrow(BackendUnavailableError);
});

it('know which devices a build has code for', () => {
  const development = 'CUDA 13.0.88, 90a-real';
  expect([90, 89, 80, 100].map((c) => hasCodeFor(development, c))).toEqual([true, false, false, false]);
  expect([80, 86, 89, 90, 75].map((c) => hasCodeFor('CUDA 13.0.88, 80-real', c))).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
  const release = 'CUDA 13.0.88, 75-real,80-real,86-real,89-real,90-real,90a-real,100-real,120';
  expect([75, 80, 86, 87, 89, 90, 100, 103, 120, 121].every((c) => hasCodeFor(release, c))).toBe(true);
  expect([70, 110].some((c) => hasCodeFor(release, c))).toBe(false);
});
