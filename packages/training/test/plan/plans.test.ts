/** plans.json: what the planner makes can be read back; what people break is named. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MODEL_KINDS, modelLimits, type ModelConfig } from '@revoxel/models';
import { loadBackend, typescriptProfile } from '@revoxel/runtime';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { isSided, makePlans, type PlanFacts } from '../../src/plan/make-plans.js';
import { rankOf, type ModelKind } from '../../src/plan/model-config.js';
import { readPlans, writePlans, type modelSchema } from '../../src/plan/plans.js';
import { temporaryFolder } from '../support/synthetic.js';
import type { z } from 'zod';

const { profile } = await loadBackend('reference');
const folder = await temporaryFolder();
const file = join(folder, 'plans.json');

const facts: PlanFacts = {
  dataset: 'Made up',
  channelNames: ['MRI'],
  labels: [
    { value: 0, name: 'background' },
    { value: 1, name: 'organ' },
  ],
  spacing: [1, 1, 1],
  medianShape: [35, 50, 35],
  normalisation: [{ kind: 'zscore', useMask: false }],
};
const target = { profile, threads: 2, memoryBytes: 16 * 2 ** 30 };

describe('makePlans', () => {
  it('plans for the median image', () => {
    const plans = makePlans(facts, target);
    expect(plans).toMatchObject({
      patch: [40, 56, 40],
      batch: 2,
      model: { kind: 'unet3d', classes: 2, baseChannels: 32, levels: 4 },
    });
  });

  it('takes a smaller network for a short training', () => {
    const channels = (seconds: number): number =>
      makePlans(facts, { ...target, profile: { ...profile, name: 'cpu' } }, { seconds }).model.baseChannels ?? 0;
    expect(channels(60)).toBeLessThan(channels(3600));
    expect(channels(1e6)).toBe(32);
    expect(channels(1)).toBe(8);
  });

  it('is nnU-Net for long runs, AdamW without odd flips for short ones', () => {
    expect(makePlans(facts, target)).toMatchObject({
      optimizer: { kind: 'sgd', momentum: 0.99 },
      batch: 2,
      augmentation: { mirror: { axes: [0, 1, 2] } },
    });
    expect(makePlans(facts, target, { steps: 300 })).toMatchObject({
      optimizer: { kind: 'adamw' },
      batch: 1,
      augmentation: { mirror: { axes: [2] } },
    });
    // A patch smaller than the images needs the foreground oversampling of a larger batch.
    expect(makePlans(facts, target, { steps: 300, patch: [24, 24, 24] }).batch).toBe(2);
  });

  it('never flips left into right when labels have sides', () => {
    const labels = ['background', 'left kidney', 'Kidney_R'].map((name, value) => ({ name, value }));
    expect(makePlans({ ...facts, labels }, target).augmentation.mirror.axes).toEqual([0, 1]);
    const harmless = ['background', 'Anterior', 'liver'].map((name, value) => ({ name, value }));
    expect(makePlans({ ...facts, labels: harmless }, target).augmentation.mirror.axes).toEqual([0, 1, 2]);
  });

  it.each([
    ['LeftLung', true],
    ['leftlung', true],
    ['kidneyL', true],
    ['Kidney_R', true],
    ['lh', true],
    ['parotid-r', true],
    ['liver', false],
    ['Anterior', false],
    ['lesion', false],
    ['rectum', false],
  ])('takes %s for a label of one side: %s', (name, sided) => {
    expect(isSided(name)).toBe(sided);
  });

  it('keeps to a memory budget by the bytes of the real plan', () => {
    const plans = makePlans({ ...facts, medianShape: [200, 200, 200] }, target, {
      memoryBytes: 64 * 2 ** 20,
      baseChannels: 8,
    });
    expect(Math.max(...plans.patch)).toBeLessThan(200);
  });

  it('takes wishes', () => {
    expect(makePlans(facts, target, { patch: [17, 16, 16], batch: 3, baseChannels: 6 })).toMatchObject({
      patch: [20, 16, 16],
      batch: 3,
      model: { baseChannels: 6 },
    });
  });
});

describe('makePlans for other networks', { timeout: 60_000 }, () => {
  const kinds = MODEL_KINDS.filter((kind) => rankOf(kind) === 3);
  const thick: PlanFacts = { ...facts, spacing: [5, 1, 1], medianShape: [20, 96, 80] };

  it.each(kinds.flatMap((kind) => [[kind, facts] as const, [kind, thick] as const]))(
    '%s has levels, steps and channels that fit patch and data',
    async (model, given) => {
      const plans = makePlans(given, target, { model, steps: 100 });
      const { divisor, maxHeads } = modelLimits(plans.model);
      plans.patch.forEach((n, axis) => expect(n % divisor[axis]!).toBe(0));
      expect(plans.patch.every((n, axis) => n === divisor[axis])).toBe(false);
      if (maxHeads > 1) expect(plans.model).toMatchObject({ deepSupervision: true });
      if (given === thick) expect(plans.model.strides![1]).toEqual([1, 2, 2]);
      await writePlans(file, plans);
      expect(await readPlans(file)).toEqual(plans);
    },
  );

  it('starts from the usual channels of each', () => {
    const channels = (model: ModelKind, seconds?: number): number | undefined =>
      makePlans(facts, target, { model, ...(seconds === undefined ? {} : { seconds }) }).model.baseChannels;
    expect(Object.fromEntries(kinds.map((kind) => [kind, channels(kind)]))).toEqual({
      unet3d: 32,
      'partially-reversible-unet3d': 60,
      revunet3d: 32,
      iunet3d: 32,
      irevunet3d: 16,
    });
    expect(channels('revunet3d', 1)).toBe(8);
    expect(channels('partially-reversible-unet3d', 1)).toBe(16);
  });

  it('takes wishes', () => {
    const wishes = { model: 'revunet3d', levels: 3, blocks: 2, stream: 'q32', precision: 'bf16' } as const;
    expect(makePlans(facts, target, wishes).model).toMatchObject({
      kind: 'revunet3d',
      levels: 3,
      encoderBlocks: 2,
      decoderBlocks: 2,
      stream: 'q32',
      precision: 'bf16',
    });
    expect(() => makePlans(facts, target, { levels: 9 })).toThrow(
      'Expected at most 4 (more would leave nothing of a patch of 35x50x35) for `levels`, got 9',
    );
    expect(() => makePlans(facts, target, { model: 'iunet2d' })).toThrow('training is 3D only');
  });

  it('takes a larger patch when activations need not be kept', () => {
    const large: PlanFacts = { ...facts, medianShape: [200, 200, 200] };
    const fast = { ...target, profile: typescriptProfile(2) };
    const voxels = (mode: 'keep' | 'invert' | 'auto'): number =>
      makePlans(large, fast, {
        model: 'partially-reversible-unet3d',
        baseChannels: 8,
        blocks: 2,
        memory: { mode, budgetBytes: 64 * 2 ** 20 },
      }).patch.reduce((a, b) => a * b);
    expect(voxels('invert')).toBeGreaterThan(1.5 * voxels('keep'));
    expect(voxels('auto')).toBeGreaterThanOrEqual(voxels('invert'));
  });
});

describe('modelSchema', () => {
  type Of<T, K> = T extends { readonly kind: infer Kinds } ? (K extends Kinds ? T : never) : never;
  type Fields<T, K> = keyof Of<T, K>;
  /** Fields that only one of configuration and schema has. */
  type Missing = {
    [K in ModelKind]:
      | Exclude<Fields<ModelConfig, K>, Fields<z.infer<typeof modelSchema>, K>>
      | Exclude<Fields<z.infer<typeof modelSchema>, K>, Fields<ModelConfig, K>>;
  }[ModelKind];

  it('has the fields of every configuration, no more and no less', () => {
    expectTypeOf<Missing>().toBeNever();
  });
});

describe('readPlans', () => {
  it('reads what was written', async () => {
    const plans = makePlans(facts, target);
    await writePlans(file, plans);
    expect(await readPlans(file)).toEqual(plans);
  });

  it.each<[string, (json: Record<string, unknown>) => void, string]>([
    ['a missing field', (j) => delete j['batch'], 'field "batch": '],
    ['an unknown field', (j) => (j['bach'] = 2), 'Unrecognized key: "bach"'],
    ['a value out of range', (j) => (j['foreground'] = 2), 'field "foreground": '],
    [
      'a patch the model cannot halve',
      (j) => (j['patch'] = [40, 50, 40]),
      '"patch" has 50 voxels on axis 1, which is no multiple of 8 (the model\'s steps); correct the field',
    ],
    [
      'classes that are not the labels',
      (j) => ((j['model'] as Record<string, unknown>)['classes'] = 5),
      '"model.classes" is 5, there are 2 labels; correct the field',
    ],
    [
      'a model that cannot be built',
      (j) => ((j['model'] as Record<string, unknown>)['levels'] = 3),
      '"model" cannot be built (expected 3 entries, one per level for `strides`',
    ],
    [
      'a field of another network',
      (j) => ((j['model'] as Record<string, unknown>)['stream'] = 'q16'),
      'field "model": Unrecognized key: "stream"',
    ],
    [
      'a network that does not exist',
      (j) => ((j['model'] as Record<string, unknown>)['kind'] = 'vnet'),
      'field "model.kind": ',
    ],
    [
      'a network for slices',
      (j) => (j['model'] = { kind: 'iunet2d', classes: 2 }),
      '"model" cannot be built (expected 2 spatial axes (iunet2d) for `rank`, got 3); correct the field',
    ],
  ])('refuses %s', async (_, damage, message) => {
    await writePlans(file, makePlans(facts, target));
    const json = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    damage(json);
    await writeFile(file, JSON.stringify(json));
    const error = await readPlans(file).catch((e: unknown) => e as Error);
    expect((error as Error).message).toContain(file);
    expect((error as Error).message).toContain(message);
    expect((error as Error).message).not.toContain('\n');
  });
});
