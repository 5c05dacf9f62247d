/**
 * Training reversible networks end to end on the TypeScript backend: every kind trains and predicts, a stopped run goes on to
 * the same bits, another memory choice changes none of them, and a broken rebuild stops the run.
 */
import { join } from 'node:path';
import { readdir, readFile } from 'node:fs/promises';
import { MODEL_KINDS } from '@revoxel/models';
import { ChecksumError, loadBackend, type Backend, type Session } from '@revoxel/runtime';
import { beforeAll, describe, expect, it } from 'vitest';
import { rankOf, type ModelKind } from '../../src/plan/model-config.js';
import { readPlans, type Plans } from '../../src/plan/plans.js';
import { loadPredictor } from '../../src/predict/predictor.js';
import { readRunInfo, runPaths } from '../../src/run-folder.js';
import type { RunEvent } from '../../src/train/events.js';
import { readLog } from '../../src/train/log.js';
import { train, type TrainOptions } from '../../src/train/trainer.js';
import { storedValues, syntheticCase, temporaryFolder, writeDataset } from '../support/synthetic.js';

const backend = await loadBackend('typescript');
const folder = await temporaryFolder();
const data = join(folder, 'data');

beforeAll(() => writeDataset(data, 6));

const base = (out: string, model: ModelKind, more: Partial<TrainOptions> = {}): TrainOptions => ({
  data,
  out: join(folder, out),
  backend,
  model,
  seed: 7,
  workers: 0,
  steps: 6,
  adjust: (plans) => ({ ...plans, validationBatches: 1, stepsPerEpoch: 3 }),
  ...more,
  plan: { patch: [8, 8, 8], baseChannels: 4, batch: 1, levels: 2, ...more.plan },
});
const resume = (out: string, more: Partial<TrainOptions> = {}): TrainOptions => ({
  data: '',
  out: join(folder, out),
  backend,
  resume: true,
  workers: 0,
  ...more,
});

const stored = (out: string): Promise<Record<string, string>> => storedValues(join(folder, out));

/** Train until `steps` are done, then stop as a signal would. */
async function stopAfter(steps: number, options: TrainOptions): Promise<void> {
  const stop = new AbortController();
  const onEvent = (e: RunEvent): void => {
    if (e.kind === 'step' && e.done === steps) stop.abort();
  };
  await expect(train({ ...options, signal: stop.signal, onEvent })).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' });
}

describe('every network for volumes', { timeout: 60_000 }, () => {
  it.each(MODEL_KINDS.filter((kind) => rankOf(kind) === 3))('%s trains and predicts', async (kind) => {
    const result = await train(base(kind, kind, { steps: 3 }));
    const paths = runPaths(result.run);
    expect((await readPlans(paths.plans)).model).toMatchObject({ kind, classes: 3, levels: 2 });
    const epochs = (await readLog(paths)).filter((r) => r.type === 'epoch');
    expect(epochs).toHaveLength(1);
    expect(epochs[0]!.validationLoss).toBeGreaterThan(0);
    using predictor = await loadPredictor(result.run, backend);
    const { image } = syntheticCase(11);
    const { labels, probabilities } = await predictor.predict(image, { probabilities: true });
    expect(labels.shape).toEqual(image.shape);
    expect(probabilities!.data.every((p) => p >= 0 && p <= 1)).toBe(true);
  });

  it.each(MODEL_KINDS.filter((kind) => rankOf(kind) === 2))('%s is refused: it is for slices', async (kind) => {
    await expect(train(base(kind, kind))).rejects.toThrow(
      `Expected a network for volumes (training is 3D only) for \`model\`, got ${kind}`,
    );
  });
});

describe('a fixed-point stream', { timeout: 60_000 }, () => {
  const kind = 'partially-reversible-unet3d';
  const invert = { memory: { mode: 'invert' } } as const;

  it('is resumed to the bits of a run that never stopped, grids and range counters included', async () => {
    await train(base('straight', kind, invert));
    await stopAfter(2, base('stopped', kind, invert));
    await train(resume('stopped'));
    const values = await stored('stopped');
    expect(Object.keys(values).filter((name) => name.startsWith('level'))).toEqual([
      'level0.exponent',
      'level1.exponent',
      'level0.monitor',
      'level1.monitor',
    ]);
    expect(values).toEqual(await stored('straight'));
  });

  it('gives the same bits under another memory choice, which a resumed run may change', async () => {
    await train(base('kept', kind));
    expect((await readRunInfo(runPaths(join(folder, 'kept')))).memory).toEqual({ mode: 'keep' });
    await stopAfter(2, base('changed', kind));
    const events: RunEvent[] = [];
    const memory = { mode: 'invert' } as const;
    await train(resume('changed', { memory, onEvent: (e) => events.push(e) }));
    expect(events.filter((e) => e.kind === 'warning')).toEqual([]);
    expect(await stored('changed')).toEqual(await stored('kept'));
    const paths = runPaths(join(folder, 'changed'));
    expect((await readRunInfo(paths)).memory).toEqual(memory);
    expect(await readFile(paths.logText, 'utf8')).toContain(`${kind}, memory invert, typescript on`);
  });

  it('leaves its state in the log, epoch by epoch', async () => {
    await train(base('logged', kind));
    const epochs = (await readLog(runPaths(join(folder, 'logged')))).filter((r) => r.type === 'epoch');
    expect(epochs).toHaveLength(2);
    for (const { streams } of epochs) {
      expect(Object.keys(streams!)).toEqual(['level0', 'level1']);
      expect(streams!['level0']).toMatchObject({ near: 0, clamped: 0, nan: 0 });
      expect(streams!['level0']!.largest).toBeGreaterThan(0);
      expect(streams!['level0']!.largest).toBeLessThan(2 ** 15);
      expect(Number.isInteger(streams!['level0']!.exponent)).toBe(true);
    }
  });
});

describe('a budget', { timeout: 60_000 }, () => {
  it('that nothing fits is refused before there is a run folder', async () => {
    const memory = { mode: 'auto', budgetBytes: 2 ** 16 } as const;
    await expect(train(base('tight', 'revunet3d', { memory }))).rejects.toMatchObject({ code: 'ERR_OUT_OF_MEMORY' });
    await expect(train(base('tight', 'revunet3d', { memory: { mode: 'auto' } }))).rejects.toThrow(
      'Expected a number of bytes (memory "auto" needs a budget) for `memory.budgetBytes`, got nothing',
    );
    expect(await readdir(folder)).not.toContain('tight');
  });
});

describe('a float stream', { timeout: 60_000 }, () => {
  it('that is inverted warns: gradients are not exact, and another memory choice gives other weights', async () => {
    const warnings: string[] = [];
    const onEvent = (e: RunEvent): void => void (e.kind === 'warning' && warnings.push(e.text));
    const options = { steps: 2, plan: { stream: 'f32' }, onEvent } as const;
    await train(base('float', 'revunet3d', options));
    expect(warnings).toEqual([]);
    await train(resume('float', { steps: 3, memory: { mode: 'invert' }, onEvent }));
    expect(warnings).toEqual([
      'the run last had memory keep, now it is invert: a stream in f32 is rebuilt with rounding errors, so the weights will differ; those of q16 and q32 streams would not',
      expect.stringContaining('activations of a float stream are rebuilt with rounding errors'),
    ]);
    expect((await readLog(runPaths(join(folder, 'float')))).some((r) => 'streams' in r)).toBe(false);
  });
});

describe('batch norm', { timeout: 60_000 }, () => {
  it('has its running statistics in the checkpoint, for the prediction', async () => {
    const adjust = (plans: Plans): Plans =>
      plans.model.kind === 'partially-reversible-unet3d'
        ? { ...plans, model: { ...plans.model, norm: 'batch' }, validationBatches: 1 }
        : plans;
    await train(base('batch', 'partially-reversible-unet3d', { steps: 2, adjust }));
    expect(Object.keys(await stored('batch'))).toEqual(
      expect.arrayContaining(['encoder.0.block0.f.0.norm.mean', 'encoder.0.block0.f.0.norm.variance']),
    );
    using predictor = await loadPredictor(join(folder, 'batch'), backend);
    const { labels } = await predictor.predict(syntheticCase(11).image);
    expect(labels.shape).toEqual([12, 13, 11]);
  });
});

describe('a sequence that was not rebuilt to the bit', { timeout: 60_000 }, () => {
  it('stops the run with its last checkpoint', async () => {
    const broken = failingAt(3, new ChecksumError('encoder.0.block0'));
    await expect(
      train(base('checksum', 'partially-reversible-unet3d', { backend: broken, checkpointSeconds: 0 })),
    ).rejects.toMatchObject({
      code: 'ERR_CHECKSUM',
      message: expect.stringMatching(
        /checksum: step 3: reversible sequence "encoder\.0\.block0": .*; the last checkpoint is kept: resume the run, with memory "keep" nothing is rebuilt$/,
      ),
    });
    const paths = runPaths(join(folder, 'checksum'));
    expect(JSON.parse(await readFile(paths.checkpointInfo, 'utf8'))).toMatchObject({ step: 2 });
    await train(resume('checksum'));
    await train(base('unbroken', 'partially-reversible-unet3d'));
    expect(await stored('checksum')).toEqual(await stored('unbroken'));
  });
});

/** The backend, with a fault in run number `step` of any plan that trains. */
function failingAt(step: number, fault: Error): Backend {
  return {
    ...backend,
    createSession: async (options) => {
      const session = await backend.createSession(options);
      let done = 0;
      const load: Session['load'] = async (plan) => {
        const executable = await session.load(plan);
        if (plan.name !== 'training') return executable;
        return {
          plan,
          run: (...given) => (++done === step ? Promise.reject(fault) : executable.run(...given)),
        };
      };
      return new Proxy(session, {
        get: (target, name) => {
          if (name === 'load') return load;
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      });
    },
  };
}
