import { readFile, readdir, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { preprocessDataset, readCase, readCases } from '../../src/data/cache.js';
import { openDataset } from '../../src/data/dataset.js';
import { DatasetError } from '../../src/data/errors.js';
import { fingerprintDataset } from '../../src/data/fingerprint.js';
import { loadCase } from '../../src/data/load-case.js';
import { labelLocations } from '../../src/data/locations.js';
import { planPreprocessing, preprocessPair } from '../../src/data/preprocess.js';
import type { PreprocessPlan } from '../../src/data/preprocess.js';
import { Random } from '../../src/data/random.js';
import { restoreLabels } from '../../src/data/restore.js';
import { removeFolder, temporaryFolder, testData, writeDataset } from '../helpers.js';

let folder: string;
let cache: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  cache = join(folder, 'cache/preprocessed');
});
afterEach(async () => {
  await removeFolder(folder);
});
const plan: PreprocessPlan = {
  spacing: [1.2, 1, 1],
  normalisation: [{ kind: 'zscore', useMask: false }, { kind: 'none' }],
};

describe('preprocessDataset', () => {
  it('stores what preprocessing gives, and reads it into shared memory', async () => {
    await writeDataset(join(folder, 'data'), { cases: 2, channels: 2 });
    const dataset = await openDataset(join(folder, 'data'));
    await preprocessDataset(dataset, plan, cache);
    const [first, second] = await readCases(cache, ['case_0', 'case_1']);
    const { image, label } = await loadCase(dataset, 'case_0');
    const expected = preprocessPair(image, label, plan);
    expect(first).toMatchObject({ id: 'case_0', channels: 2, shape: expected.image.shape });
    expect([...first!.image]).toEqual([...expected.image.data]);
    expect([...first!.label]).toEqual([...expected.label.data]);
    expect(first!.properties).toEqual(expected.properties);
    expect(first!.image.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(first!.locations).toHaveLength(2);
    first!.locations.forEach((indices, k) => {
      expect(indices.length).toBeGreaterThan(0);
      expect([...indices].every((i) => first!.label[i] === k + 1)).toBe(true);
      expect(indices.length).toBe(first!.label.filter((v) => v === k + 1).length);
    });
    expect([...second!.image]).not.toEqual([...first!.image]);
    expect(
      restoreLabels(
        expected.label.data.map((k) => (k > 2 ? 0 : k)),
        first!.properties,
      ).affine,
    ).toEqual(image.affine);
    expect((await readdir(cache)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('does again only what has changed', async () => {
    await writeDataset(join(folder, 'data'), { cases: 3, channels: 2 });
    const dataset = await openDataset(join(folder, 'data'));
    const made = async (which: PreprocessPlan): Promise<string[]> => {
      const ids: string[] = [];
      await preprocessDataset(dataset, which, cache, { onCase: (id, _done, _total, isNew) => isNew && ids.push(id) });
      return ids;
    };
    expect(await made(plan)).toEqual(['case_0', 'case_1', 'case_2']);
    expect(await made(plan)).toEqual([]);
    await utimes(dataset.cases[1]!.label, new Date(0), new Date(0));
    expect(await made(plan)).toEqual(['case_1']);
    await rm(join(cache, 'case_2.json'));
    expect(await made(plan)).toEqual(['case_2']);
    await writeFile(join(cache, 'case_0.json'), '{"half');
    expect(await made(plan)).toEqual(['case_0']);
    expect(await made({ ...plan, spacing: [1, 1, 1] })).toEqual(['case_0', 'case_1', 'case_2']);
  });

  it('is the same to the byte when done again elsewhere', async () => {
    await writeDataset(join(folder, 'data'), { cases: 1, channels: 2 });
    const dataset = await openDataset(join(folder, 'data'));
    const other = join(folder, 'other');
    await preprocessDataset(dataset, plan, cache);
    await preprocessDataset(dataset, plan, other, { ids: ['case_0'] });
    for (const name of await readdir(cache))
      expect(await readFile(join(other, name))).toEqual(await readFile(join(cache, name)));
    expect(await readdir(other)).toHaveLength(4);
  });

  it('names what is missing or damaged', async () => {
    await writeDataset(join(folder, 'data'), { cases: 1, channels: 2 });
    const dataset = await openDataset(join(folder, 'data'));
    await expect(readCase(cache, 'case_0')).rejects.toThrow(/case_0\.json: is missing; preprocess the case again/);
    await preprocessDataset(dataset, plan, cache);
    const file = join(cache, 'case_0.image.f32');
    const { size } = await stat(file);
    await truncate(file, size - 4);
    await expect(readCase(cache, 'case_0')).rejects.toThrow(`case_0.image.f32: has ${size - 4} bytes, ${size} wanted`);
    await rm(file);
    await expect(readCase(cache, 'case_0')).rejects.toThrow(DatasetError);
    const abort = AbortSignal.abort(new Error('enough'));
    await expect(preprocessDataset(dataset, plan, cache, { signal: abort })).rejects.toThrow('enough');
    await writeFile(join(folder, 'file'), '');
    await expect(preprocessDataset(dataset, plan, join(folder, 'file/below'))).rejects.toThrow(/cannot be made/);
  });

  const hippocampus = testData('Dataset004_Hippocampus');
  it.skipIf(hippocampus === undefined)('brings real labels back to the bit', async () => {
    const dataset = await openDataset(hippocampus!);
    const ids = dataset.cases.slice(0, 4).map((c) => c.id);
    const fingerprint = await fingerprintDataset(dataset, { ids, samples: 40_000 });
    const chosen = planPreprocessing(dataset, fingerprint);
    expect(chosen.spacing).toEqual([1, 1, 1]);
    await preprocessDataset(dataset, chosen, cache, { ids });
    for (const id of ids) {
      const stored = await readCase(cache, id);
      const { label } = await loadCase(dataset, id);
      const restored = restoreLabels(
        Uint8Array.from(stored.label, (k) => (k > 2 ? 0 : k)),
        stored.properties,
      );
      expect(restored.data).toEqual(label.data);
      expect([...restored.affine]).toEqual([...label.affine].map((v) => v + 0)); // JSON has no -0
    }
  });
});

describe('labelLocations', () => {
  it('keeps small classes whole and a uniform sample of large ones', () => {
    const n = 2_000_000;
    const label = new Uint8Array(n);
    label.fill(1, 0, 1_500_000);
    label.fill(2, 1_500_000, 1_515_000);
    label.fill(3, 1_600_000, 1_600_005);
    label.fill(255, 1_900_000);
    const random = (): Random => new Random({ seed: 1 });
    const locations = labelLocations(label, 4, random());
    expect(locations.map((l) => l.length)).toEqual([15_000, 10_000, 5, 0]);
    locations.forEach((l, k) => {
      expect(new Set(l).size).toBe(l.length);
      expect(l.every((i) => label[i] === k + 1)).toBe(true);
    });
    // Uniform over the class: the mean index of 15000 draws from 0 ... 1.5e6 has a standard error of 3536.
    const mean = locations[0]!.reduce((a, b) => a + b, 0) / 15_000;
    expect(Math.abs(mean - 750_000)).toBeLessThan(5 * 3536);
    expect(labelLocations(label, 4, random())).toEqual(locations);
  });
});
