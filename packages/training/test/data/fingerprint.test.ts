import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeVolume, writeNifti } from '@revoxel/imaging';
import type { Triple } from '@revoxel/imaging';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDataset } from '../../src/data/dataset.js';
import { fingerprintDataset, percentile, readFingerprint, writeFingerprint } from '../../src/data/fingerprint.js';
import golden from '../fixtures/fingerprint.json' with { type: 'json' };
import { removeFolder, temporaryFolder, writeDataset, writeDatasetJson } from '../helpers.js';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(async () => {
  await removeFolder(folder);
});

describe('fingerprintDataset', () => {
  it('takes the statistics of the same draws as numpy', async () => {
    await mkdir(join(folder, 'imagesTr'));
    await mkdir(join(folder, 'labelsTr'));
    const shape: Triple = [7, 10, 10];
    for (const [n, count] of golden.counts.entries()) {
      for (const c of [0, 1]) {
        const value = (i: number): number => (i < count ? (((i * 37) % 101) - 20.5) * (c + 1) + 10 * n : 1);
        await writeNifti(
          join(folder, `imagesTr/case_${n}_000${c}.nii`),
          makeVolume({ data: Float32Array.from({ length: 700 }, (_, i) => value(i)), shape }),
        );
      }
      const label = Uint8Array.from({ length: 700 }, (_, i) => (i < count ? 1 + (i % 2) : 0));
      await writeNifti(join(folder, `labelsTr/case_${n}.nii`), makeVolume({ data: label, shape }));
    }
    await writeDatasetJson(folder, {
      channel_names: { '0': 'CT', '1': 'CT' },
      labels: { background: 0, a: 1, b: 2 },
      numTraining: 2,
      file_ending: '.nii',
    });
    const result = await fingerprintDataset(await openDataset(folder), { samples: 2 * golden.samples_per_case });
    for (const [channel, expected] of Object.entries(golden.statistics)) {
      const got = result.foreground_intensity_properties_per_channel[channel]!;
      for (const [name, value] of Object.entries(expected))
        expect(got[name as keyof typeof got], `${channel} ${name}`).toBeCloseTo(value, 9);
    }
    expect(result.shapes_after_crop).toEqual([shape, shape]);
    expect(result.median_relative_size_after_cropping).toBe(1);
  });

  it('measures shapes after the crop, in canonical axes', async () => {
    // File axes: i to the left 1 mm, j to the superior 2 mm, k to the anterior 3 mm. Canonical [D, H, W] = [j, k, i].
    const affine = Float64Array.of(-1, 0, 0, 0, 0, 0, 3, 0, 0, 2, 0, 0, 0, 0, 0, 1);
    await writeDataset(folder, { cases: 3, shape: [10, 12, 14], affine });
    const seen: string[] = [];
    const result = await fingerprintDataset(await openDataset(folder), {
      samples: 300,
      onCase: (id, done, total) => seen.push(`${id} ${done}/${total}`),
    });
    // The synthetic image is 0 at k = 0, j = 0, i = 0 and i = 13: 9 x 11 x 12 remain.
    expect(result.shapes_after_crop).toEqual([
      [11, 9, 12],
      [11, 9, 12],
      [11, 9, 12],
    ]);
    expect(result.spacings[0]!.map((s) => Math.round(s * 1e6) / 1e6)).toEqual([2, 3, 1]);
    expect(result.median_relative_size_after_cropping).toBeCloseTo((9 * 11 * 12) / (10 * 12 * 14), 12);
    expect(seen).toEqual(['case_0 1/3', 'case_1 2/3', 'case_2 3/3']);
    await writeFingerprint(join(folder, 'f.json'), result);
    expect(await readFingerprint(join(folder, 'f.json'))).toEqual(result);
  });

  it('stops when asked to', async () => {
    await writeDataset(folder, { cases: 2 });
    await expect(
      fingerprintDataset(await openDataset(folder), { signal: AbortSignal.abort(new Error('enough')) }),
    ).rejects.toThrow('enough');
  });
});

it('percentile interpolates linearly', () => {
  expect([0, 12.5, 50, 99.5, 100].map((q) => percentile([1, 2, 4, 8, 16], q))).toEqual(
    [1, 1.5, 4, 8 + 8 * 0.98, 16].map((v) => expect.closeTo(v, 12)),
  );
  expect(percentile([3], 99)).toBe(3);
});
