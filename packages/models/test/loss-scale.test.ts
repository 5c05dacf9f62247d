/** Training in f16 on the reference backend: it learns, an overflow skips a step and nothing else, a session resumes. */
import { compile, createReferenceBackend, type HostArray, type Session } from '@revoxel/runtime';
import { describe, expect, it } from 'vitest';
import type { OptimizerConfig } from '../src/optimizers/optimizer.js';
import { trainingStep } from '../src/programs/programs.js';

const backend = createReferenceBackend();
const model = { kind: 'unet3d', classes: 2, baseChannels: 4, levels: 2, precision: 'f16' } as const;
const config = { model, inChannels: 1, batch: 2, patch: [16, 16] } as const;

function makeBatch(): { image: Float32Array; labels: Uint8Array } {
  const image = new Float32Array(512);
  const labels = new Uint8Array(512);
  for (let i = 0; i < 512; i++) {
    const [n, y, x] = [i >> 8, (i >> 4) & 15, i & 15];
    labels[i] = Math.hypot(y - 5 - 4 * n, x - 9 + 3 * n) < 4 ? 1 : 0;
    image[i] = (labels[i] === 1 ? 1 : -0.5) + 0.4 * Math.sin(0.9 * i);
  }
  return { image, labels };
}

async function train(session: Session, optimizer: OptimizerConfig, steps: number, lr = 0.02, first = 0) {
  const step = await session.load(compile(trainingStep({ ...config, optimizer }), backend.profile));
  const rows: { loss: number; norm: number }[] = [];
  for (let i = first; i < first + steps; i++) {
    const scalars = optimizer.kind === 'adamw' ? { lr, step: i } : { lr };
    const { loss, gradientNorm } = await step.run(makeBatch(), scalars);
    rows.push({ loss: loss![0]!, norm: gradientNorm![0]! });
  }
  return rows;
}

async function stateOf(session: Session): Promise<Record<string, HostArray>> {
  const names = [...session.names()].sort();
  return Object.fromEntries(await Promise.all(names.map(async (n) => [n, (await session.read(n)).slice()] as const)));
}

const scaleOf = async (session: Session): Promise<number> => (await session.read('lossScale'))[0]!;

const OPTIMIZERS: readonly OptimizerConfig[] = [{ kind: 'sgd', momentum: 0.9 }, { kind: 'adamw' }];

describe.each(OPTIMIZERS.map((o) => [o.kind, o] as const))('f16 with %s', (_kind, optimizer) => {
  it('learns a fixed batch', async () => {
    using session = await backend.createSession({ seed: 1 });
    const rows = await train(session, optimizer, 25);
    expect(rows[0]!.loss).toBeGreaterThan(0.5);
    expect(rows.at(-1)!.loss).toBeLessThan(-0.1);
    expect(rows.at(-1)!.norm).toBeGreaterThan(0);
    expect((await session.read('lossScale.streak'))[0]).toBeGreaterThan(0);
  });

  it('skips a step that overflows: nothing but the scale moves', async () => {
    using session = await backend.createSession({ seed: 1 });
    await train(session, optimizer, 3);
    await session.write('lossScale', Float32Array.of(2 ** 60));
    const before = await stateOf(session);
    const [row] = await train(session, optimizer, 1, 0.02, 3);
    expect(row!.norm).toBe(0);
    expect(Number.isFinite(row!.loss)).toBe(true);
    const expected = { ...before, lossScale: Float32Array.of(2 ** 59), 'lossScale.streak': Float32Array.of(0) };
    expect(await stateOf(session)).toEqual(expected);
    await session.write('lossScale', Float32Array.of(2 ** 10));
    await train(session, optimizer, 1, 0.02, 4);
    expect((await stateOf(session))['encoder.0.0.conv.weight']).not.toEqual(before['encoder.0.0.conv.weight']);
  });

  it('goes on from its state as if it had not stopped', async () => {
    using whole = await backend.createSession({ seed: 1 });
    await train(whole, optimizer, 2);
    await whole.write('lossScale', Float32Array.of(2 ** 12));
    const stored = await stateOf(whole);
    await train(whole, optimizer, 2, 0.02, 2);
    using resumed = await backend.createSession({ seed: 2 });
    await train(resumed, optimizer, 1);
    for (const [name, data] of Object.entries(stored)) await resumed.write(name, data);
    await train(resumed, optimizer, 2, 0.02, 2);
    expect(await stateOf(resumed)).toEqual(await stateOf(whole));
    expect(await scaleOf(resumed)).toBe(2 ** 12);
  });
});

it('the norm is that of the unscaled gradients', async () => {
  using session = await backend.createSession({ seed: 1 });
  const [narrow] = await train(session, { kind: 'sgd' }, 1);
  using other = await backend.createSession({ seed: 1 });
  const wide = await other.load(
    compile(trainingStep({ ...config, model: { ...model, precision: 'f32' } }), backend.profile),
  );
  const { gradientNorm } = await wide.run(makeBatch(), { lr: 0.02 });
  expect(narrow!.norm / gradientNorm![0]!).toBeCloseTo(1, 1);
});
