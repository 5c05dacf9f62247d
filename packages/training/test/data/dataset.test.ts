import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { makeVolume, writeNifti } from '@revoxel/imaging';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findImages, openDataset } from '../../src/data/dataset.js';
import { DatasetError } from '../../src/data/errors.js';
import { loadCase } from '../../src/data/load-case.js';
import {
  removeFolder,
  syntheticVoxels,
  temporaryFolder,
  testData,
  writeDataset,
  writeDatasetJson,
} from '../helpers.js';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(async () => {
  await removeFolder(folder);
});

/** The message of the DatasetError a promise ends with, the folder taken out. */
async function problem(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(DatasetError);
  const { code, message, remedy } = error as DatasetError;
  expect(code).toBe('ERR_DATASET');
  expect(message).not.toContain('\n');
  expect(message.endsWith(remedy)).toBe(true);
  return message.replaceAll(folder, '.');
}

async function editJson(change: (json: Record<string, unknown>) => void): Promise<void> {
  const json = JSON.parse(await readFile(join(folder, 'dataset.json'), 'utf8')) as Record<string, unknown>;
  change(json);
  await writeDatasetJson(folder, json);
}

describe('openDataset', () => {
  it('reads an nnU-Net raw folder', async () => {
    await writeDataset(folder, { cases: 11, channels: 2 });
    await writeFile(join(folder, 'imagesTr', '._case_0_0000.nii.gz'), 'resource fork');
    const dataset = await openDataset(folder);
    expect(dataset).toMatchObject({
      name: basename(folder),
      layout: 'nnunet',
      channelNames: ['MR0', 'MR1'],
      labels: [
        { value: 0, name: 'background' },
        { value: 1, name: 'outer' },
        { value: 2, name: 'inner' },
      ],
      fileEnding: '.nii.gz',
    });
    expect(dataset.cases.map((c) => c.id).slice(0, 3)).toEqual(['case_0', 'case_1', 'case_10']);
    expect(dataset.cases[0]!.images.map((f) => basename(f))).toEqual(['case_0_0000.nii.gz', 'case_0_0001.nii.gz']);
  });

  it('reads the "dataset" key, relative, absolute and with variables', async () => {
    await writeDataset(folder, { cases: 2 });
    await editJson((json) => {
      json['dataset'] = {
        second: {
          images: ['${REVOXEL_TEST_FOLDER}/imagesTr/case_1_0000.nii.gz'],
          label: join(folder, 'labelsTr/case_1.nii.gz'),
        },
        first: { images: ['imagesTr/case_0_0000.nii.gz'], label: './labelsTr/case_0.nii.gz' },
      };
    });
    process.env['REVOXEL_TEST_FOLDER'] = folder;
    const dataset = await openDataset(folder);
    delete process.env['REVOXEL_TEST_FOLDER'];
    expect(dataset.cases.map((c) => c.id)).toEqual(['first', 'second']);
    expect((await loadCase(dataset, 'second')).image.shape).toEqual([10, 12, 14]);
  });

  it('reads an MSD task with 4D images', async () => {
    await mkdir(join(folder, 'imagesTr'));
    await mkdir(join(folder, 'labelsTr'));
    const shape = [4, 5, 6] as const;
    const { image, label } = syntheticVoxels(shape, 1);
    const data = new Float32Array(240);
    data.set(image);
    data.set(
      image.map((v) => v * 2),
      120,
    );
    await writeNifti(join(folder, 'imagesTr/brain_1.nii.gz'), makeVolume({ data, channels: 2, shape }));
    await writeNifti(join(folder, 'labelsTr/brain_1.nii.gz'), makeVolume({ data: label, shape }));
    await writeDatasetJson(folder, {
      name: 'Brain',
      modality: { '0': 'T1', '1': 'T2' },
      labels: { '0': 'background', '1': 'edema', '2': 'core' },
      numTraining: 1,
      training: [
        { image: './imagesTr/._brain_1.nii.gz', label: './labelsTr/._brain_1.nii.gz' },
        { image: './imagesTr/brain_1.nii.gz', label: './labelsTr/brain_1.nii.gz' },
      ],
    });
    const dataset = await openDataset(folder);
    expect(dataset).toMatchObject({ name: 'Brain', layout: 'msd', channelNames: ['T1', 'T2'], fileEnding: '.nii.gz' });
    expect(dataset.labels).toEqual([
      { value: 0, name: 'background' },
      { value: 1, name: 'edema' },
      { value: 2, name: 'core' },
    ]);
    const loaded = await loadCase(dataset, 'brain_1');
    expect(loaded.image.channels).toBe(2);
    expect(loaded.image.data).toEqual(data);
    expect(loaded.label.data).toEqual(label);
  });

  it('says what is wrong with a folder', async () => {
    expect(await problem(openDataset(join(folder, 'none')))).toMatchInlineSnapshot(
      `"./none: no such folder; give the folder that holds dataset.json"`,
    );
    expect(await problem(openDataset(folder))).toMatchInlineSnapshot(
      `".: is empty; give the folder that holds dataset.json"`,
    );
    await mkdir(join(folder, 'imagesTr'));
    expect(await problem(openDataset(folder))).toMatchInlineSnapshot(
      `"./dataset.json: is missing; give the folder that holds dataset.json, or write one (nnU-Net dataset format)"`,
    );
    await writeFile(join(folder, 'dataset.json'), '{"labels": ');
    expect(await problem(openDataset(folder))).toMatch(/^\.\/dataset\.json: is not JSON \(.*\); see/);
  });

  it('says what is wrong with dataset.json', async () => {
    await writeDataset(folder);
    const good = await readFile(join(folder, 'dataset.json'), 'utf8');
    const broken = async (change: (json: Record<string, unknown>) => void): Promise<string> => {
      await writeFile(join(folder, 'dataset.json'), good);
      await editJson(change);
      return problem(openDataset(folder));
    };
    expect(await broken((j) => (j['labels'] = { background: 0, a: 1, b: 3 }))).toMatchInlineSnapshot(
      `"./dataset.json: labels are [0, 1, 3], not consecutive from 0; number them 0 (background), 1, 2, ... here and in the label files"`,
    );
    expect(await broken((j) => (j['labels'] = { background: 0, whole: [1, 2], core: 2 }))).toMatchInlineSnapshot(
      `"./dataset.json: label "whole" is a region (1, 2), which is not supported yet; give every label one integer"`,
    );
    expect(await broken((j) => (j['labels'] = { background: 0, a: 1, ignore: 2 }))).toMatchInlineSnapshot(
      `"./dataset.json: has an "ignore" label, which is not supported yet; annotate those voxels or leave the cases out"`,
    );
    expect(await broken((j) => (j['labels'] = { background: 0 }))).toMatch(/no label but background/);
    expect(await broken((j) => delete j['labels'])).toMatch(/field "labels": is missing/);
    expect(await broken((j) => (j['labels'] = { background: 'none' }))).toMatch(
      /field "labels.background": a label is an integer/,
    );
    expect(await broken((j) => delete j['channel_names'])).toMatch(/has no "channel_names"/);
    expect(await broken((j) => (j['channel_names'] = { '1': 'MR' }))).toMatch(/none for channel 0/);
    expect(await broken((j) => (j['file_ending'] = '.nrrd'))).toMatch(/"\.nrrd" is not supported; convert/);
    expect(await broken((j) => (j['numTraining'] = 7))).toMatchInlineSnapshot(
      `"./dataset.json: "numTraining" is 7 but there are 5 cases; correct the number or restore the files"`,
    );
    expect(
      await broken((j) => {
        j['dataset'] = {
          a: { images: ['imagesTr/case_0_0000.nii.gz'], label: 'labelsTr/case_0.nii.gz' },
          b: { images: ['imagesTr/case_0_0000.nii.gz'], label: 'labelsTr/case_1.nii.gz' },
        };
      }),
    ).toMatch(/cases "a" and "b" share the image .*case_0_0000.nii.gz/);
    const pair = { image: 'imagesTr/case_0_0000.nii.gz', label: 'labelsTr/case_0.nii.gz' };
    expect(
      await broken((j) => {
        j['labels'] = { '0': 'background', '1': 'a' };
        j['training'] = [pair, pair];
      }),
    ).toMatch(/case "case_0_0000" is there twice/);
  });

  it('names missing files', async () => {
    await writeDataset(folder, { cases: 2, channels: 2 });
    await rename(join(folder, 'labelsTr/case_1.nii.gz'), join(folder, 'kept'));
    expect(await problem(openDataset(folder))).toMatchInlineSnapshot(
      `"./labelsTr/case_1.nii.gz: is missing: the label of case "case_1"; restore the file or take the case out"`,
    );
    await rename(join(folder, 'kept'), join(folder, 'labelsTr/case_1.nii.gz'));
    await rename(join(folder, 'imagesTr/case_0_0001.nii.gz'), join(folder, 'kept'));
    expect(await problem(openDataset(folder))).toMatchInlineSnapshot(
      `"./imagesTr/case_0_0001.nii.gz: is missing: channel 1 ("MR1") of case "case_0"; restore the file or take the case out"`,
    );
    await rename(join(folder, 'kept'), join(folder, 'imagesTr/case_0_0002.nii.gz'));
    await editJson((j) => (j['channel_names'] = { '0': 'a' }));
    expect(await problem(openDataset(folder))).toMatch(/is channel 2, but dataset.json names 1/);
    await rm(join(folder, 'imagesTr'), { recursive: true });
    expect(await problem(openDataset(folder))).toMatch(/imagesTr: no such folder/);
  });
});

describe('loadCase', () => {
  beforeEach(async () => {
    await writeDataset(folder, { cases: 1, channels: 2, spacing: [2, 1.5, 1] });
  });
  const label = (): string => join(folder, 'labelsTr/case_0.nii.gz');
  const load = async (): Promise<unknown> => loadCase(await openDataset(folder), 'case_0');

  it('puts the channels together and keeps the geometry', async () => {
    const { image, label: labels, warnings } = await loadCase(await openDataset(folder), 'case_0');
    expect(image.channels).toBe(2);
    expect(image.shape).toEqual([10, 12, 14]);
    expect(image.spacing).toEqual([2, 1.5, 1]);
    const n = 10 * 12 * 14;
    expect(image.data.subarray(0, n)).toEqual(syntheticVoxels([10, 12, 14], 0).image);
    expect(image.data.subarray(n)).toEqual(syntheticVoxels([10, 12, 14], 1).image);
    expect(labels.data).toEqual(syntheticVoxels([10, 12, 14], 0).label);
    expect(warnings).toEqual([]);
  });

  it('refuses a label outside dataset.json, naming file, value and voxel', async () => {
    const shape = [10, 12, 14] as const;
    const data = syntheticVoxels(shape, 0).label;
    data[(3 * 12 + 4) * 14 + 5] = 7;
    await writeNifti(label(), makeVolume({ data, shape, spacing: [2, 1.5, 1] }));
    expect(await problem(load())).toMatchInlineSnapshot(
      `"./labelsTr/case_0.nii.gz: value 7 at voxel [d 3, h 4, w 5] is none of the labels 0 to 2; name it in dataset.json or correct the label map"`,
    );
    for (const bad of [0.5, -1, Number.NaN]) {
      const floats = Float32Array.from(data);
      floats[0] = bad;
      await writeNifti(label(), makeVolume({ data: floats, shape, spacing: [2, 1.5, 1] }));
      expect(await problem(load())).toContain(`value ${bad} at voxel [d 0, h 0, w 0]`);
    }
  });

  it('refuses another shape, spacing or orientation', async () => {
    const shape = [10, 12, 14] as const;
    const data = syntheticVoxels(shape, 0).label;
    await writeNifti(
      label(),
      makeVolume({ data: data.slice(0, 9 * 12 * 14), shape: [9, 12, 14], spacing: [2, 1.5, 1] }),
    );
    expect(await problem(load())).toMatchInlineSnapshot(
      `"./labelsTr/case_0.nii.gz: shape [9, 12, 14] differs from [10, 12, 14] of ./imagesTr/case_0_0000.nii.gz; resample one onto the other or take the case out"`,
    );
    await writeNifti(label(), makeVolume({ data, shape, spacing: [2, 1.5, 1.1] }));
    expect(await problem(load())).toMatch(/spacing in mm \[2, 1\.5, 1\.1\d*\] differs from \[2, 1\.5, 1\]/);
    const flipped = Float64Array.of(-1, 0, 0, 13, 0, 1.5, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1);
    await writeNifti(label(), makeVolume({ data, shape, affine: flipped }));
    expect(await problem(load())).toMatch(
      /its W axis points elsewhere .* \(cosine -1\.000\); store both in one orientation/,
    );
  });

  it('warns when the headers put the label elsewhere, and takes the voxels one to one', async () => {
    const shape = [10, 12, 14] as const;
    const data = syntheticVoxels(shape, 0).label;
    await writeNifti(
      label(),
      makeVolume({ data, shape, affine: Float64Array.of(1, 0, 0, 30, 0, 1.5, 0, 40, 0, 0, 2, 0, 0, 0, 0, 1) }),
    );
    const loaded = await loadCase(await openDataset(folder), 'case_0');
    expect(loaded.warnings).toHaveLength(1);
    expect(loaded.warnings[0]).toMatch(/lies up to 50\.00 mm away/);
    expect(loaded.label.affine).toEqual(loaded.image.affine);
  });

  it('refuses an image that is not finite, and an unknown case', async () => {
    const shape = [10, 12, 14] as const;
    const data = new Float32Array(10 * 12 * 14);
    data[14] = Number.POSITIVE_INFINITY;
    await writeNifti(join(folder, 'imagesTr/case_0_0001.nii.gz'), makeVolume({ data, shape, spacing: [2, 1.5, 1] }));
    expect(await problem(load())).toMatch(
      /case_0_0001.nii.gz: value Infinity at voxel \[d 0, h 1, w 0\] is not finite/,
    );
    expect(await problem(loadCase(await openDataset(folder), 'case_9'))).toMatch(/has no case "case_9"/);
  });
});

describe('findImages', () => {
  it('groups channels, takes plain names as cases of their own', async () => {
    for (const name of ['a_0000.nii.gz', 'a_0001.nii.gz', 'scan_2024.nii.gz', 'b.nii', 'notes.txt'])
      await writeFile(join(folder, name), 'x');
    const found = await findImages(folder, 2);
    expect(found.map((c) => [c.id, ...c.images.map((f) => basename(f))])).toEqual([
      ['a', 'a_0000.nii.gz', 'a_0001.nii.gz'],
      ['b', 'b.nii'],
      ['scan_2024', 'scan_2024.nii.gz'],
    ]);
    expect((await findImages(join(folder, 'a_0000.nii.gz'), 2))[0]!.images).toHaveLength(2);
    expect(await findImages(join(folder, 'a_0001.nii.gz'), 1)).toEqual([
      { id: 'a_0001', images: [join(folder, 'a_0001.nii.gz')] },
    ]);
  });

  it('says what is missing', async () => {
    expect(await problem(findImages(join(folder, 'x.nii'), 1))).toMatch(/no such file or folder/);
    expect(await problem(findImages(folder, 1))).toMatch(/holds no image/);
    await writeFile(join(folder, 'a_0001.nii.gz'), 'x');
    expect(await problem(findImages(folder, 2))).toMatch(/case "a" has no channel 0, the network takes 2/);
    await writeFile(join(folder, 'a_0001.nii'), 'x');
    expect(await problem(findImages(folder, 2))).toMatch(/is channel 1 of case "a", and so is/);
  });
});

describe('real data', () => {
  const real = [
    'Dataset004_Hippocampus',
    'Dataset101_OpenKBP_OAR',
    'Dataset102_BraTS2013_2ch',
    'Dataset104_MSLesion_4ch',
    'Dataset105_ProstateMR_small',
    'Dataset106_ProstateUS_small',
  ];
  for (const name of real) {
    const path = testData(name);
    it.skipIf(path === undefined)(`opens ${name} and loads its first case`, async () => {
      const dataset = await openDataset(path!);
      const { image, label, warnings } = await loadCase(dataset, dataset.cases[0]!.id);
      expect(image.channels).toBe(dataset.channelNames.length);
      expect(label.shape).toEqual(image.shape);
      expect(warnings).toEqual([]);
    });
  }
});
