/**
 * Loading the voxels of a case: channels put together, label map checked against its image and `dataset.json`.
 * As stored: no reorientation, no cropping, no scaling beyond what the header says.
 */
import { makeVolume, readNifti } from '@revoxel/imaging';
import type { Volume, VoxelArray } from '@revoxel/imaging';
import { findCase } from './dataset.js';
import type { Dataset, ImageFiles } from './dataset.js';
import { DatasetError } from './errors.js';
import { assertSameGrid, cornerDistance } from './grid.js';

/** The voxels of a training case. */
export interface LoadedCase {
  readonly id: string;
  /** `[C, D, H, W]`, one channel per entry of `channelNames`, finite values. */
  readonly image: Volume<Float32Array>;
  /** `[1, D, H, W]`, values 0 ... K, on the image's grid. */
  readonly label: Volume<Uint8Array>;
  /** Things worth knowing that do not stop the work, one line each. */
  readonly warnings: readonly string[];
}

/**
 * Load and check a training case.
 *
 * @param dataset - an opened data set.
 * @param id - name of the case.
 * @throws DatasetError naming the file when channels or label differ in shape, spacing or orientation, an image value is not
 * finite, or the label map holds a value that `dataset.json` does not name (with the value and its voxel).
 * @throws FormatError, ReadError of @revoxel/imaging when a file is damaged or cannot be read.
 */
export async function loadCase(dataset: Dataset, id: string): Promise<LoadedCase> {
  const files = findCase(dataset, id);
  const image = await loadImage(files, dataset.channelNames.length);
  const label = await loadLabel(files.label, dataset.labels.length - 1);
  const reference = files.images[0]!;
  assertSameGrid(files.label, label, reference, image);
  const shift = cornerDistance(image, label);
  const warnings =
    shift > 0.5 * Math.min(...image.spacing)
      ? [
          `${files.label}: lies up to ${shift.toFixed(2)} mm away from ${reference} by their headers; the voxels are taken one to one`,
        ]
      : [];
  // The image's affine is the case's: the label has just been found to lie on its grid.
  return { id, image, label: { ...label, spacing: image.spacing, affine: image.affine }, warnings };
}

/**
 * Load the channels of an image.
 *
 * @param files - one file per channel, or one 4D file.
 * @param channels - number of channels wanted.
 * @returns `[C, D, H, W]` float32 in the first file's orientation, with its affine.
 * @throws DatasetError, FormatError, ReadError as `loadCase`.
 */
export async function loadImage(files: ImageFiles, channels: number): Promise<Volume<Float32Array>> {
  const first = files.images[0];
  if (first === undefined) throw new DatasetError(files.id, 'has no image file', 'list one per channel');
  if (files.images.length === 1) {
    const volume = await readNifti(first);
    if (volume.channels !== channels)
      throw new DatasetError(
        first,
        `has ${volume.channels} channels, ${channels} wanted`,
        'check "channel_names" in dataset.json and the file',
      );
    const data = toFloat32(volume.data);
    assertFinite(first, data, volume.shape);
    return makeVolume({ data, channels, shape: volume.shape, affine: volume.affine });
  }
  if (files.images.length !== channels)
    throw new DatasetError(
      first,
      `comes with ${files.images.length} channel files, ${channels} wanted`,
      'give one file per channel',
    );
  let whole: Volume<Float32Array> | undefined;
  for (const [c, file] of files.images.entries()) {
    const volume = await readNifti(file);
    if (volume.channels !== 1)
      throw new DatasetError(
        file,
        `has ${volume.channels} channels, a channel file has one`,
        'split it, or give it as the only image of the case',
      );
    whole ??= makeVolume({
      data: new Float32Array(channels * volume.data.length),
      channels,
      shape: volume.shape,
      affine: volume.affine,
    });
    assertSameGrid(file, volume, first, whole);
    const data = toFloat32(volume.data);
    assertFinite(file, data, volume.shape);
    whole.data.set(data, c * data.length);
  }
  return whole!;
}

/**
 * Load a label map.
 *
 * @param file - NIfTI file of any voxel type.
 * @param largest - largest label allowed, at most 255.
 * @returns `[1, D, H, W]`, values 0 ... `largest`.
 * @throws DatasetError naming value and voxel when a value is not one of the labels.
 */
export async function loadLabel(file: string, largest: number): Promise<Volume<Uint8Array>> {
  const volume = await readNifti(file);
  if (volume.channels !== 1)
    throw new DatasetError(
      file,
      `has ${volume.channels} channels, a label map has one`,
      'store the labels as integers in one 3D image',
    );
  const source = volume.data;
  const n = source.length;
  const data = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    const value = Number(source[i]!);
    // The comparisons are false for NaN too.
    if (!(value >= 0 && value <= largest && value % 1 === 0)) {
      throw new DatasetError(
        file,
        `value ${value} at voxel ${place(i, volume.shape)} is none of the labels 0 to ${largest}`,
        'name it in dataset.json or correct the label map',
      );
    }
    data[i] = value;
  }
  return makeVolume({ data, shape: volume.shape, affine: volume.affine });
}

/** `[d, h, w]` of a linear index, in the words of error messages. */
function place(index: number, shape: readonly [number, number, number]): string {
  const [, h, w] = shape;
  const inVolume = index % (shape[0] * h * w);
  return `[d ${Math.floor(inVolume / (h * w))}, h ${Math.floor(inVolume / w) % h}, w ${inVolume % w}]`;
}

function toFloat32(data: VoxelArray): Float32Array {
  if (data instanceof Float32Array) return data;
  const n = data.length;
  const out = new Float32Array(n);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array)
    for (let i = 0; i < n; i++) out[i] = Number(data[i]!);
  else out.set(data);
  return out;
}

function assertFinite(file: string, data: Float32Array, shape: readonly [number, number, number]): void {
  const n = data.length;
  for (let i = 0; i < n; i++) {
    // x - x is 0 for finite numbers and NaN for all others.
    if (data[i]! - data[i]! !== 0) {
      throw new DatasetError(
        file,
        `value ${data[i]!} at voxel ${place(i, shape)} is not finite`,
        'replace such voxels (0 outside the body) or export the image again',
      );
    }
  }
}
