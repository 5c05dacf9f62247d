/** Sessions: training beside the reference, repeatability, plans that share parameters, stopping, errors, memory. */

import {
  compile,
  createReferenceBackend,
  evaluate,
  AbortedError,
  ArgumentError,
  DisposedError,
  OutOfMemoryError,
  relu,
  RevoxelError,
  trace,
} from '@revoxel/runtime';
import {
  compareArrays,
  SMALL_PATCH as PATCH,
  smallBatch as batch,
  smallInferenceGraph as inferenceGraph,
  smallTrainingGraph as trainingGraph,
  trainSmallNet,
} from '@revoxel/runtime/testing';
import { describe, expect, it } from 'vitest';
import { createBackend, liveBytes } from '../src/backend.js';
import { notBuilt, named } from './built.js';

const STEP = { lr: 0.05, factor: 1 };

describe.skipIf(notBuilt)(named('sessions'), () => {
  it('train as the reference does', { timeout: 60_000 }, async () => {
    const expected = await trainSmallNet(createReferenceBackend(), 3);
    const actual = await trainSmallNet(await createBackend({ threads: 2 }), 3);
    // Three steps of fp32 against float64 sums: errors of about 1e-7 grow with every step.
    expect(compareArrays(actual.losses, expected.losses, { rtol: 1e-5, atol: 1e-5 })?.message).toBeUndefined();
    for (const [name, values] of expected.parameters) {
      expect(
        compareArrays(actual.parameters.get(name)!, values, { rtol: 1e-3, atol: 1e-4 })?.message,
        name,
      ).toBeUndefined();
    }
    expect(compareArrays(actual.logits, expected.logits, { rtol: 1e-3, atol: 1e-3 })?.message).toBeUndefined();
  });

  it('give the same bits twice, on one and on two threads', async () => {
    for (const threads of [1, 2]) {
      const [a, b] = [
        await trainSmallNet(await createBackend({ threads }), 4),
        await trainSmallNet(await createBackend({ threads }), 4),
      ];
      expect(a.losses).toEqual(b.losses);
      for (const [name, values] of a.parameters) expect(values, name).toEqual(b.parameters.get(name));
    }
  });

  it('refresh packed weights after write()', async () => {
    const backend = await createBackend();
    using session = await backend.createSession({ seed: 1 });
    const infer = await session.load(compile(inferenceGraph(), backend.profile));
    const x = batch(5).x.subarray(0, PATCH[0] * PATCH[1] * PATCH[2]);
    const before = (await infer.run({ x }))['logits']!;
    await session.write('head.w', new Float32Array(24));
    await session.write('head.b', new Float32Array([1, 2, 3]));
    const after = (await infer.run({ x }))['logits']!;
    const voxels = x.length;
    expect(new Set(after.subarray(0, voxels))).toEqual(new Set([1]));
    expect(new Set(after.subarray(2 * voxels))).toEqual(new Set([3]));
    expect(before).not.toEqual(after);
  });

  it('round-trip parameters through logical order', async () => {
    const backend = await createBackend();
    using session = await backend.createSession();
    await session.load(compile(inferenceGraph(), backend.profile));
    const w = Float32Array.from({ length: 12 * 8 * 27 }, (_, i) => i);
    await session.write('down1.w', w);
    expect(await session.read('down1.w')).toEqual(w);
  });

  it('take arrays in shared memory and fill arrays of the caller', async () => {
    const backend = await createBackend();
    using session = await backend.createSession();
    const plan = compile(
      trace('relu', (g) => g.output('y', relu(g.input('x', [4])))),
      backend.profile,
    );
    const run = await session.load(plan);
    const shared = new Float32Array(new SharedArrayBuffer(16));
    shared.set([-1, 2, -3, 4]);
    const y = new Float32Array(new SharedArrayBuffer(16));
    await run.run({ x: shared }, {}, { into: { y } });
    expect([...y].map((v) => v + 0)).toEqual([0, 2, 0, 4]);
  });

  it('stop between kernels and stay usable', async () => {
    const backend = await createBackend();
    using session = await backend.createSession({ seed: 2 });
    const run = await session.load(compile(trainingGraph(), backend.profile));
    const { loss } = await run.run(batch(0), STEP);
    const aborter = new AbortController();
    const stopped = run.run(batch(1), STEP, { signal: aborter.signal });
    const queued = run.run(batch(1), STEP, { signal: aborter.signal });
    setImmediate(() => aborter.abort());
    // The first may have ended before the signal; what waits behind it never starts.
    const results = await Promise.allSettled([stopped, queued]);
    for (const r of results) if (r.status === 'rejected') expect(r.reason).toBeInstanceOf(AbortedError);
    expect(results[1]!.status).toBe('rejected');
    const next = await run.run(batch(2), STEP);
    expect(Number.isFinite(next['loss']![0])).toBe(true);
    expect(Number.isFinite(loss![0])).toBe(true);
  });

  it('reject wrong arguments with one clear line', async () => {
    const backend = await createBackend({ threads: 1 });
    using session = await backend.createSession();
    const run = await session.load(compile(trainingGraph(), backend.profile));
    await expect(run.run({ x: batch(0).x }, STEP)).rejects.toThrow(ArgumentError);
    await expect(run.run(batch(0), { lr: 1 })).rejects.toThrow(/step\.factor/);
    await expect(createBackend({ threads: 0 })).rejects.toThrow(/threads/);
    const other = await createBackend({ threads: 2 });
    await expect(session.load(compile(trainingGraph(), other.profile))).rejects.toThrow(
      /compiled for "cpu:2.*this session runs "cpu:1/,
    );
    expect(() => session.describe('nothing')).toThrow(ArgumentError);
  });

  it('say how much memory a plan lacks', async () => {
    const backend = await createBackend();
    using session = await backend.createSession();
    const side = 1 << 13;
    const plan = compile(
      trace('huge', (g) => g.output('y', relu(g.input('x', [1, 64, side, side, 64])))),
      backend.profile,
    );
    await expect(session.load(plan)).rejects.toThrow(OutOfMemoryError);
    const { y } = await evaluate(backend, { x: { data: new Float32Array([-1, 1]), shape: [2] } }, (_g, { x }) => ({
      y: relu(x),
    }));
    expect(y.data[1]).toBe(1);
  });

  it('name the kernel that fails', async () => {
    const backend = await createBackend({ threads: 1 });
    using session = await backend.createSession();
    const plan = compile(trainingGraph(), backend.profile);
    // A plan whose scratch was cut: the kernel must refuse, not write past it.
    const calls = plan.calls.map((c) => (c.op === 'convWeightGrad' ? { ...c, scratch: { offset: 0, bytes: 0 } } : c));
    const run = await session.load({ ...plan, calls });
    const failure = await run.run(batch(0), STEP).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(RevoxelError);
    expect((failure as RevoxelError).message).toMatch(
      /^convWeightGrad ".*": needs \d+ bytes of scratch, the plan gives 0; operands \[2, /,
    );
  });

  it('hold what was planned, resident at once, and give it back', async () => {
    const before = liveBytes();
    const backend = await createBackend();
    const session = await backend.createSession();
    const plan = compile(trainingGraph(), backend.profile);
    await session.load(plan);
    const memory = session.memory();
    expect(memory.persistentBytes).toBe(plan.memory.persistentBytes);
    expect(memory.transientBytes).toBe(plan.memory.transientBytes);
    expect(memory.residentBytes).toBe(memory.persistentBytes + memory.transientBytes + memory.otherBytes);
    // Two rounded pages and two small blocks.
    expect(memory.otherBytes).toBeLessThan(3 * 4096);
    const infer = compile(inferenceGraph(), backend.profile);
    await session.load(infer);
    expect(session.memory().transientBytes).toBe(Math.max(plan.memory.transientBytes, infer.memory.transientBytes));
    expect(liveBytes()).toBeGreaterThan(before);
    session.dispose();
    expect(liveBytes()).toBe(before);
    await expect(session.read('head.w')).rejects.toThrow(DisposedError);
  });

  it('time every call', async () => {
    const backend = await createBackend();
    using session = await backend.createSession();
    const plan = compile(trainingGraph(), backend.profile);
    const run = await session.load(plan);
    await run.run(batch(0), STEP);
    await run.run(batch(1), STEP);
    const { runs, seconds } = await session.timings(plan);
    expect(runs).toBe(2);
    expect(seconds.length).toBe(plan.calls.length);
    expect(seconds.every((s) => s >= 0) && seconds.some((s) => s > 0)).toBe(true);
  });
});
