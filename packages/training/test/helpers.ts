/**
 * Tiny synthetic data sets for tests, written with the imaging package's writer.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeVolume, writeNifti } from '@revoxel/imaging';
import type { Affine, Triple } from '@revoxel/imaging';

/** A fresh folder below the system's temporary folder. */
export async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'revoxel-training-'));
}

/** Remove a folder made by `temporaryFolder`. */
export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

/** Folder of real data sets, when this machine has one. */
export function testData(name: string): string | undefined {
  const root = process.env['REVOXEL_TEST_DATA'] ?? fileURLToPath(new URL('../../../../shared/data', import.meta.url));
  const folder = join(root, name);
  return existsSync(folder) ? folder : undefined;
}

/** How `writeDataset` makes its files. */
export interface SyntheticOptions {
  readonly cases?: number;
  readonly channels?: number;
  readonly shape?: Triple;
  readonly spacing?: Triple;
  readonly affine?: Affine;
}

/** Value of the synthetic image: a bright ball-like label on a gradient, some zero border. */
export function syntheticVoxels(shape: Triple, seed: number): { image: Float32Array; label: Uint8Array } {
  const [d, h, w] = shape;
  const image = new Float32Array(d * h * w);
  const label = new Uint8Array(d * h * w);
  for (let z = 0, i = 0; z < d; z++) {
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++, i++) {
        const border = z === 0 || y === 0 || x === 0 || x === w - 1;
        const r = ((z - d / 2) / d) ** 2 + ((y - h / 2) / h) ** 2 + ((x - w / 3) / w) ** 2;
        label[i] = border ? 0 : r < 0.02 ? 2 : r < 0.06 ? 1 : 0;
        image[i] = border ? 0 : 100 + x + 2 * y + 3 * z + 50 * label[i]! + ((i * 7 + seed * 13) % 11);
      }
    }
  }
  return { image, label };
}

/** Write an nnU-Net raw data set; returns its folder. */
export async function writeDataset(folder: string, options: SyntheticOptions = {}): Promise<string> {
  const { cases = 5, channels = 1, shape = [10, 12, 14], spacing = [1, 1, 1], affine } = options;
  await mkdir(join(folder, 'imagesTr'), { recursive: true });
  await mkdir(join(folder, 'labelsTr'), { recursive: true });
  const geometry = affine === undefined ? { spacing } : { affine };
  for (let n = 0; n < cases; n++) {
    const id = `case_${n}`;
    for (let c = 0; c < channels; c++) {
      const { image } = syntheticVoxels(shape, n * 10 + c);
      await writeNifti(
        join(folder, 'imagesTr', `${id}_000${c}.nii.gz`),
        makeVolume({ data: image, shape, ...geometry }),
      );
    }
    const { label } = syntheticVoxels(shape, n);
    await writeNifti(join(folder, 'labelsTr', `${id}.nii.gz`), makeVolume({ data: label, shape, ...geometry }));
  }
  await writeDatasetJson(folder, {
    channel_names: Object.fromEntries(Array.from({ length: channels }, (_, c) => [String(c), `MR${c}`])),
    labels: { background: 0, outer: 1, inner: 2 },
    numTraining: cases,
    file_ending: '.nii.gz',
  });
  return folder;
}

/** Write `dataset.json`. */
export async function writeDatasetJson(folder: string, value: unknown): Promise<void> {
  await writeFile(join(folder, 'dataset.json'), JSON.stringify(value));
}
