/** Prediction with a network trained on the synthetic data: geometry, orientation, probabilities, files, errors. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  makeVolume,
  readNifti,
  toCanonical,
  writeNifti,
  type Triple,
  type Volume,
  type VoxelArray,
} from '@revoxel/imaging';
import { loadBackend } from '@revoxel/runtime';
import { beforeAll, describe, expect, it } from 'vitest';
import { predictFiles } from '../../src/predict/predict-files.js';
import { loadPredictor } from '../../src/predict/predictor.js';
import { train } from '../../src/train/trainer.js';
import { syntheticCase, temporaryFolder, writeDataset } from '../support/synthetic.js';

const backend = await loadBackend('reference');
const folder = await temporaryFolder();
const run = join(folder, 'run');

beforeAll(async () => {
  await writeDataset(join(folder, 'data'), 6);
  await train({
    data: join(folder, 'data'),
    out: run,
    backend,
    steps: 60,
    workers: 0,
    plan: { patch: [8, 8, 8], baseChannels: 3, batch: 1 },
    adjust: (plans) => ({
      ...plans,
      model: { ...plans.model, convsPerLevel: 1 },
      learningRate: { ...plans.learningRate, initial: 0.02 },
      validationBatches: 1,
    }),
  });
}, 60_000);

/** The same patient stored otherwise: W reversed, D and H exchanged; the affine says so. */
function storedOtherwise<A extends VoxelArray>(volume: Volume<A>): Volume<A> {
  const [d, h, w] = volume.shape;
  const data = volume.data.slice() as A;
  for (let z = 0; z < d; z++)
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++) data[(y * d + z) * w + (w - 1 - x)] = volume.data[(z * h + y) * w + x]!;
  const a = volume.affine;
  const affine = Float64Array.from(a);
  for (let row = 0; row < 3; row++) {
    affine[row * 4] = -a[row * 4]!;
    affine[row * 4 + 1] = a[row * 4 + 2]!;
    affine[row * 4 + 2] = a[row * 4 + 1]!;
    affine[row * 4 + 3] = a[row * 4 + 3]! + a[row * 4]! * (w - 1);
  }
  return makeVolume({ data, shape: [h, d, w] as Triple, affine });
}

const dice = (a: Uint8Array, b: Uint8Array): number => {
  let both = 0;
  let sum = 0;
  a.forEach((v, i) => {
    if (v > 0 && b[i]! > 0) both++;
    sum += (v > 0 ? 1 : 0) + (b[i]! > 0 ? 1 : 0);
  });
  return (2 * both) / sum;
};

describe('Predictor', () => {
  it('finds what it was trained to find, in the geometry of the image', async () => {
    using predictor = await loadPredictor(run, backend);
    const { image, label } = syntheticCase(11);
    const { labels, probabilities } = await predictor.predict(image);
    expect(labels.shape).toEqual(image.shape);
    expect(labels.affine).toEqual(image.affine);
    expect(dice(labels.data, label.data)).toBeGreaterThan(0.7);
    expect(probabilities).toBeUndefined();
  });

  it('keeps left on the left: another storage order gives the same voxels of the patient', async () => {
    using predictor = await loadPredictor(run, backend);
    const { image } = syntheticCase(11);
    const plain = await predictor.predict(image);
    const other = await predictor.predict(storedOtherwise(image));
    expect(other.labels.shape).toEqual([13, 12, 11]);
    expect(other.labels.data).not.toEqual(plain.labels.data);
    expect(toCanonical(other.labels).volume.data).toEqual(plain.labels.data);
  });

  it('gives probabilities that sum to one and agree with the labels', async () => {
    using predictor = await loadPredictor(run, backend);
    const { labels, probabilities } = await predictor.predict(syntheticCase(12).image, { probabilities: true });
    const n = labels.data.length;
    const p = probabilities!.data;
    expect(probabilities!.channels).toBe(3);
    for (let i = 0; i < n; i++) {
      expect(p[i]! + p[n + i]! + p[2 * n + i]!).toBeCloseTo(1, 5);
      const scores = [p[i]!, p[n + i]!, p[2 * n + i]!];
      expect(scores[labels.data[i]!]).toBe(Math.max(...scores));
    }
  });

  it('refuses to put a prediction in the place of its scan', async () => {
    using predictor = await loadPredictor(run, backend);
    const scans = join(folder, 'scans');
    await mkdir(scans, { recursive: true });
    const scan = join(scans, 'scan.nii.gz');
    await writeNifti(scan, syntheticCase(13).image);
    const before = await readFile(scan);
    await expect(predictFiles(predictor, scan, scans, { run })).rejects.toThrow(
      'is an input and would be overwritten by its prediction; choose another output folder',
    );
    expect(await readFile(scan)).toEqual(before);
    expect(await readdir(scans)).toEqual(['scan.nii.gz']);
  });

  it('resamples to the spacing it was trained at, and back', async () => {
    using predictor = await loadPredictor(run, backend);
    const { image, label } = syntheticCase(11);
    const [d, h, w] = image.shape;
    const doubled = <A extends Float32Array | Uint8Array>(data: A, make: (n: number) => A): A => {
      const out = make(8 * data.length);
      for (let i = 0; i < out.length; i++) {
        const [z, y, x] = [Math.floor(i / (4 * h * w)), Math.floor(i / (2 * w)) % (2 * h), i % (2 * w)];
        out[i] = data[((z >> 1) * h + (y >> 1)) * w + (x >> 1)]!;
      }
      return out;
    };
    // The same patient in voxels of half the size.
    const fine = makeVolume({
      data: doubled(image.data, (n) => new Float32Array(n)),
      shape: [2 * d, 2 * h, 2 * w],
      spacing: [0.5, 0.5, 0.5],
    });
    const { labels } = await predictor.predict(fine);
    expect(labels.shape).toEqual(fine.shape);
    expect(labels.affine).toEqual(fine.affine);
    expect(
      dice(
        labels.data,
        doubled(label.data, (n) => new Uint8Array(n)),
      ),
    ).toBeGreaterThan(0.65);
  });

  it('averages over mirrored copies when asked to', async () => {
    using predictor = await loadPredictor(run, backend);
    const { image, label } = syntheticCase(11);
    const mirrored = await predictor.predict(image, { mirror: true });
    expect(dice(mirrored.labels.data, label.data)).toBeGreaterThan(0.7);
  });
});

describe('predictFiles', () => {
  it('writes label maps, probabilities and sidecars', async () => {
    const input = join(folder, 'images');
    await mkdir(input);
    await writeNifti(join(input, 'a_0000.nii.gz'), syntheticCase(11).image);
    await writeNifti(join(input, 'b.nii'), storedOtherwise(syntheticCase(12).image));
    using predictor = await loadPredictor(run, backend);
    const cases = await predictFiles(predictor, input, join(folder, 'out'), { run, probabilities: true });
    expect(cases.map((c) => c.id)).toEqual(['a', 'b']);
    expect((await readdir(join(folder, 'out'))).sort()).toEqual([
      'a.json',
      'a.nii.gz',
      'b.json',
      'b.nii.gz',
      'probabilities',
    ]);
    expect((await readdir(join(folder, 'out', 'probabilities'))).sort()).toEqual(['a.nii.gz', 'b.nii.gz']);
    const stored = await readNifti(join(input, 'b.nii'));
    const labels = await readNifti(join(folder, 'out', 'b.nii.gz'));
    expect(labels.shape).toEqual(stored.shape);
    expect(labels.affine).toEqual(stored.affine);
    expect(labels.data).toBeInstanceOf(Uint8Array);
    const sidecar = JSON.parse(await readFile(join(folder, 'out', 'a.json'), 'utf8')) as {
      labels: { name: string; voxels: number }[];
    };
    expect(sidecar.labels.map((l) => l.name)).toEqual(['background', 'shell', 'core']);
    expect(sidecar.labels.reduce((sum, l) => sum + l.voxels, 0)).toBe(12 * 13 * 11);
  });

  it.each<[string, () => Promise<string>, RegExp]>([
    [
      'a missing input',
      () => Promise.resolve(join(folder, 'nothing.nii.gz')),
      /nothing\.nii\.gz: no such file or folder; check the path$/,
    ],
    [
      'an empty folder',
      async () => {
        await mkdir(join(folder, 'empty'), { recursive: true });
        return join(folder, 'empty');
      },
      /empty: holds no image; give a NIfTI file or a folder of them/,
    ],
    [
      'a text file with the name of an image',
      async () => {
        await writeFile(join(folder, 'text.nii.gz'), 'not an image');
        return join(folder, 'text.nii.gz');
      },
      /text\.nii\.gz: .*; /,
    ],
  ])('refuses %s and writes nothing', async (name, make, message) => {
    using predictor = await loadPredictor(run, backend);
    const out = join(folder, `refused ${name}`);
    await expect(predictFiles(predictor, await make(), out, { run })).rejects.toThrow(message);
    expect(await readdir(out).catch(() => [])).toEqual([]);
  });
});

describe('loadPredictor', () => {
  it('says what is wrong with a run', async () => {
    await expect(loadPredictor(join(folder, 'no-run'), backend)).rejects.toThrow(/plans\.json: is missing; /);
    await mkdir(join(folder, 'half'));
    await writeFile(join(folder, 'half', 'plans.json'), await readFile(join(run, 'plans.json')));
    await expect(loadPredictor(join(folder, 'half'), backend)).rejects.toThrow(
      /checkpoint-latest\.safetensors: is missing; give the folder of a run that has saved a checkpoint$/,
    );
    const bytes = await readFile(join(run, 'checkpoint-latest.safetensors'));
    await writeFile(join(folder, 'half', 'checkpoint-latest.safetensors'), bytes.subarray(0, bytes.length - 100));
    await expect(loadPredictor(join(folder, 'half'), backend)).rejects.toMatchObject({ code: 'ERR_FORMAT' });
  });

  it('refuses plans that do not fit the checkpoint', async () => {
    await mkdir(join(folder, 'edited'));
    for (const name of ['plans.json', 'checkpoint-latest.safetensors'])
      await writeFile(join(folder, 'edited', name), await readFile(join(run, name)));
    const plans = JSON.parse(await readFile(join(run, 'plans.json'), 'utf8')) as { model: { baseChannels: number } };
    plans.model.baseChannels = 5;
    await writeFile(join(folder, 'edited', 'plans.json'), JSON.stringify(plans));
    await expect(loadPredictor(join(folder, 'edited'), backend)).rejects.toThrow(
      /has "encoder\.0\.0\.conv\.weight" as f32 \[3, 1, 3, 3, 3\], the network as f32 \[5, 1, 3, 3, 3\]; use the plans\.json it was trained with$/,
    );
  });
});
