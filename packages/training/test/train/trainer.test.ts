/** Training end to end on a tiny data set: the run folder, learning, stopping, resuming to the same bits, broken numbers. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { loadBackend } from '@revoxel/runtime';
import { beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../src/checkpoint.js';
import { readPlans, writePlans, type Plans } from '../../src/plan/plans.js';
import { readRunInfo, runPaths } from '../../src/run-folder.js';
import type { RunEvent } from '../../src/train/events.js';
import { readLog } from '../../src/train/log.js';
import { train, type TrainOptions } from '../../src/train/trainer.js';
import { storedValues, temporaryFolder, writeDataset } from '../support/synthetic.js';

const backend = await loadBackend('reference');
const folder = await temporaryFolder();
const data = join(folder, 'data');
const plan = { patch: [8, 8, 8], baseChannels: 3, batch: 1 } as const;

beforeAll(() => writeDataset(data, 6));

const base = (out: string, more: Partial<TrainOptions> = {}): TrainOptions => ({
  data,
  out: join(folder, out),
  backend,
  seed: 7,
  plan,
  adjust,
  workers: 0,
  ...more,
});
/** One convolution per level: the reference backend is slow. */
const adjust = (plans: Plans): Plans => ({
  ...plans,
  model: plans.model.kind === 'unet3d' ? { ...plans.model, convsPerLevel: 1 } : plans.model,
  validationBatches: 2,
});

const weights = (out: string): Promise<Record<string, string>> => storedValues(join(folder, out));

describe('train', { timeout: 60_000 }, () => {
  it('learns, and leaves everything needed to repeat the run', async () => {
    const events: RunEvent[] = [];
    const result = await train(base('run', { steps: 60, onEvent: (e) => events.push(e) }));
    const paths = runPaths(result.run);
    expect(result).toMatchObject({ run: join(folder, 'run'), steps: 60 });
    expect(result.memory.plannedBytes).toBeGreaterThan(10_000);
    expect((await readdir(result.run)).sort()).toEqual([
      'checkpoint-latest.json',
      'checkpoint-latest.safetensors',
      'dataset.json',
      'fingerprint.json',
      'log.jsonl',
      'log.txt',
      'plans.json',
      'preprocessed',
      'run.json',
      'split.json',
    ]);

    const steps = (await readLog(paths)).filter((r) => r.type === 'step');
    expect(steps.map((s) => s.step)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
    const mean = (part: typeof steps): number => part.reduce((sum, s) => sum + s.loss, 0) / part.length;
    expect(mean(steps.slice(-10))).toBeLessThan(mean(steps.slice(0, 10)) - 0.3);

    expect(await readRunInfo(paths)).toMatchObject({
      fold: 0,
      seed: 7,
      backend: 'reference',
      steps: 60,
      minutes: null,
    });
    expect(JSON.parse(await readFile(paths.split, 'utf8'))).toEqual({
      train: expect.any(Array),
      val: ['case_03', 'case_05'],
    });
    await using checkpoint = await openCheckpoint(paths.checkpoint);
    expect(checkpoint.state).toMatchObject({ step: 60, totalSteps: 60, seed: 7 });
    expect(events.filter((e) => e.kind === 'step')).toHaveLength(60);
    expect(events.filter((e) => e.kind === 'epoch').length).toBeGreaterThan(0);
    expect(await readFile(paths.logText, 'utf8')).toContain('epoch 1: step');
  });

  it('gives the same bits again for the same seed, others for another', async () => {
    await train(base('same-a', { steps: 6 }));
    await train(base('same-b', { steps: 6, workers: 1 }));
    await train(base('other', { steps: 6, seed: 8 }));
    const [a, b, other] = [await weights('same-a'), await weights('same-b'), await weights('other')];
    expect(b).toEqual(a);
    expect(other).not.toEqual(a);
  });

  it('stops between steps with a checkpoint, and resumes to the bits of a run that never stopped', async () => {
    await train(base('straight', { steps: 16 }));
    const stop = new AbortController();
    const stopped = train(
      base('stopped', {
        steps: 16,
        signal: stop.signal,
        onEvent: (e) => {
          if (e.kind === 'step' && e.done === 5) stop.abort();
        },
      }),
    );
    await expect(stopped).rejects.toMatchObject({
      code: 'ERR_INTERRUPTED',
      message: expect.stringContaining('stopped after step 5; the checkpoint is written, resume the run to go on'),
    });
    expect((await readLog(runPaths(join(folder, 'stopped')))).map((r) => r.step)).toEqual([1, 2, 3, 4, 5]);
    const result = await train({ data: '', out: join(folder, 'stopped'), backend, resume: true, workers: 0 });
    expect(result.steps).toBe(16);
    expect(await weights('stopped')).toEqual(await weights('straight'));
    const lines = async (out: string) =>
      (await readLog(runPaths(join(folder, out)))).map((r) =>
        r.type === 'step' ? [r.step, r.loss, r.lr] : [r.epoch, r.step, r.loss, r.dice, r.ema],
      );
    expect(await lines('stopped')).toEqual(await lines('straight'));
  });

  it('warns when a run is resumed where its bits cannot be the same', async () => {
    await train(base('moved', { steps: 2 }));
    const events: RunEvent[] = [];
    const elsewhere = { ...backend, facts: { ...backend.facts, threads: 3 } };
    await train({
      data: '',
      out: join(folder, 'moved'),
      backend: elsewhere,
      resume: true,
      workers: 0,
      steps: 3,
      onEvent: (e) => events.push(e),
    });
    expect(events.filter((e) => e.kind === 'warning')).toEqual([
      {
        kind: 'warning',
        text: 'the run was started with threads 1, now it is 3: the last bits of the weights will differ',
      },
    ]);
  });

  it('keeps preprocessed cases when other fields of the plans are edited', async () => {
    await train(base('edited', { steps: 1 }));
    const paths = runPaths(join(folder, 'edited'));
    const stamp = async (): Promise<number> => (await stat(join(paths.cases, 'case_00.image.f32'))).mtimeMs;
    const before = await stamp();
    const plans = await readPlans(paths.plans);
    await writePlans(paths.plans, { ...plans, learningRate: { ...plans.learningRate, initial: 0.001 } });
    await train({ data: '', out: paths.folder, backend, resume: true, workers: 0, steps: 2 });
    expect(await stamp()).toBe(before);
  });

  it('fixes the number of steps from a time, and writes it down', async () => {
    const events: RunEvent[] = [];
    const result = await train(
      base('timed', { minutes: 0.08, started: performance.now(), onEvent: (e) => events.push(e) }),
    );
    const info = await readRunInfo(runPaths(result.run));
    expect(info).toMatchObject({ minutes: 0.08, steps: result.steps });
    expect(info.secondsPerStep).toBeGreaterThan(0);
    expect(events.some((e) => e.kind === 'stage' && / steps fit$/.test(e.text))).toBe(true);
  });

  it('stops when the loss is not finite; the checkpoint before stays and can be resumed with gentler plans', async () => {
    await train(base('broken', { steps: 4 }));
    const paths = runPaths(join(folder, 'broken'));
    const before = await weights('broken');
    const plans = await readPlans(paths.plans);
    const resume = { data: '', out: join(folder, 'broken'), backend, resume: true, workers: 0, steps: 12 };
    await writePlans(paths.plans, { ...plans, learningRate: { initial: 1e38, power: 1, warmupSteps: 0 } });
    await expect(train(resume)).rejects.toMatchObject({
      code: 'ERR_NUMERICAL',
      message: expect.stringMatching(
        /the (loss|gradient norm) is .* at step \d+ of .*; the last checkpoint is kept: lower "learningRate.initial" in plans.json/,
      ),
    });
    expect(await weights('broken')).toEqual(before);
  });

  it('refuses what cannot be', async () => {
    await expect(train(base('run', { steps: 1 }))).rejects.toThrow(
      /run: holds a run already; resume it, or give another folder$/,
    );
    await expect(train(base('no-fold', { steps: 1, fold: 9 }))).rejects.toThrow(
      'Expected an integer from 0 to 4, or "all" for `fold`, got 9',
    );
    await expect(train(base('both', { steps: 1, minutes: 1 }))).rejects.toThrow(
      'Expected either steps or minutes for `minutes`, got both',
    );
    await expect(train(base('none', { resume: true }))).rejects.toThrow(
      /run\.json: is missing; give the folder of a run/,
    );
    await expect(train({ ...base('x', { steps: 1 }), data: join(folder, 'nowhere') })).rejects.toMatchObject({
      code: 'ERR_DATASET',
    });
    expect((await readdir(folder)).filter((name) => ['no-fold', 'both', 'none', 'x'].includes(name))).toEqual([]);
  });
});
