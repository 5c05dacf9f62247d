/**
 * A tiny data set made by formula: bright ellipsoids (label 1) with a brighter core (label 2) on a wavy background. Small
 * enough to be learnt on the reference backend, lopsided enough that a flipped prediction is wrong.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeVolume, writeNifti, type Triple, type Volume } from '@revoxel/imaging';
import { openSafetensors } from '@revoxel/runtime';
import { afterAll } from 'vitest';
import { runPaths } from '../../src/run-folder.js';

/** A folder that is removed after the tests of the file. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'revoxel-test-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Every stored value of a run's checkpoint as bytes, by name. */
export async function storedValues(run: string): Promise<Record<string, string>> {
  const file = await openSafetensors(runPaths(run).checkpoint);
  const all: Record<string, string> = {};
  for (const name of file.names) {
    const { data: values } = await file.read(name);
    all[name] = Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
  }
  await file.close();
  return all;
}

/** Image and label map number `n`. */
export function syntheticCase(
  n: number,
  shape: Triple = [12, 13, 11],
): { image: Volume<Float32Array>; label: Volume<Uint8Array> } {
  const [d, h, w] = shape;
  const image = new Float32Array(d * h * w);
  const label = new Uint8Array(d * h * w);
  const centre = [d / 2 + ((n * 3) % 5) - 2, h / 2 + ((n * 7) % 3) - 1, w / 3 + (n % 3)];
  for (let i = 0; i < image.length; i++) {
    const [z, y, x] = [Math.floor(i / (h * w)), Math.floor(i / w) % h, i % w];
    const r = Math.hypot((z - centre[0]!) / 1.2, y - centre[1]!, x - centre[2]!);
    label[i] = r < 1.9 ? 2 : r < 3.6 ? 1 : 0;
    image[i] = 100 + [0, 60, 140][label[i]!]! + 8 * Math.sin(1.7 * i + n) + (x < w / 4 ? 15 : 0);
  }
  const spacing: Triple = [1, 1, 1];
  return { image: makeVolume({ data: image, shape, spacing }), label: makeVolume({ data: label, shape, spacing }) };
}

/** Write a data set of `count` cases in nnU-Net's layout. */
export async function writeDataset(folder: string, count: number, shape?: Triple): Promise<void> {
  for (const part of ['imagesTr', 'labelsTr']) await mkdir(join(folder, part), { recursive: true });
  for (let n = 0; n < count; n++) {
    const { image, label } = syntheticCase(n, shape);
    const id = `case_${String(n).padStart(2, '0')}`;
    await writeNifti(join(folder, 'imagesTr', `${id}_0000.nii.gz`), image);
    await writeNifti(join(folder, 'labelsTr', `${id}.nii.gz`), label);
  }
  const json = {
    name: 'Synthetic',
    channel_names: { 0: 'MRI' },
    labels: { background: 0, shell: 1, core: 2 },
    numTraining: count,
    file_ending: '.nii.gz',
  };
  await writeFile(join(folder, 'dataset.json'), JSON.stringify(json));
}
