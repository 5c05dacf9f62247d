/**
 * The way back: from the network's grid to the grid of the file the image came from. Undoes resampling, crop and reorientation of
 * preprocess.ts; shape and affine come out exactly as they were read.
 *
 * Source: nnU-Net's export: logits or probabilities are resampled linearly before the decision, across thick slices by the nearest.
 */
import { boxShape, fromCanonical, resampleLabels, resampleToShape, uncrop } from '@revoxel/imaging';
import type { Triple, Volume } from '@revoxel/imaging';
import { DataArgumentError } from './errors.js';
import type { CaseProperties } from './preprocess.js';

/**
 * A label map on the file's grid. Where the grids differ, labels are resampled class by class; `decideLabels` on logits keeps
 * borders smoother.
 *
 * @param labels - `[D, H, W]` of the network's grid (`properties.shape`).
 * @param properties - of the case.
 * @returns `[1, D, H, W]`, 0 outside the crop.
 * @throws DataArgumentError when the length is another.
 */
export function restoreLabels(labels: Uint8Array, properties: CaseProperties): Volume<Uint8Array> {
  const inner = boxShape(properties.box);
  const volume = onNetworkGrid(labels, 1, properties);
  const resampled = same(properties.shape, inner)
    ? volume
    : resampleLabels(volume, inner, { newSpacing: properties.canonicalSpacing });
  return toFile(resampled.data, 1, properties);
}

/**
 * The decision on the file's grid: logits (or probabilities) are resampled linearly, class by class, and the largest wins, the
 * lower label on ties.
 *
 * Memory: three volumes of the crop's size, whatever the number of classes.
 *
 * @param logits - `[K + 1, D, H, W]` of the network's grid.
 * @param classes - K + 1, at most 256.
 * @param properties - of the case.
 * @returns `[1, D, H, W]`, 0 outside the crop.
 * @throws DataArgumentError when the length is another.
 */
export function decideLabels(logits: Float32Array, classes: number, properties: CaseProperties): Volume<Uint8Array> {
  if (!(Number.isInteger(classes) && classes >= 1 && classes <= 256))
    throw new DataArgumentError('classes', 'an integer from 1 to 256', classes);
  onNetworkGrid(logits, classes, properties);
  const inner = boxShape(properties.box);
  const voxels = inner[0] * inner[1] * inner[2];
  const winner = new Uint8Array(voxels);
  const best = new Float32Array(voxels).fill(Number.NEGATIVE_INFINITY);
  const perClass = logits.length / classes;
  for (let k = 0; k < classes; k++) {
    const scores = toCrop(logits.subarray(k * perClass, (k + 1) * perClass), 1, properties);
    for (let i = 0; i < voxels; i++) {
      if (scores[i]! > best[i]!) {
        best[i] = scores[i]!;
        winner[i] = k;
      }
    }
  }
  return toFile(winner, 1, properties);
}

/**
 * Probabilities on the file's grid.
 *
 * @param probabilities - `[K + 1, D, H, W]` of the network's grid, channel 0 background.
 * @param classes - K + 1.
 * @param properties - of the case.
 * @returns `[K + 1, D, H, W]`; outside the crop background is 1 and the others 0. Linear resampling keeps sums of 1.
 * @throws DataArgumentError when the length is another.
 */
export function restoreProbabilities(
  probabilities: Float32Array,
  classes: number,
  properties: CaseProperties,
): Volume<Float32Array> {
  onNetworkGrid(probabilities, classes, properties);
  const restored = toFile(toCrop(probabilities, classes, properties), classes, properties);
  // What the crop left out is background: there all channels are 0 so far, but probabilities of 0 occur inside as well.
  const inside = toFile(new Uint8Array(boxVoxels(properties)).fill(1), 1, properties).data;
  for (let i = 0; i < inside.length; i++) if (inside[i] === 0) restored.data[i] = 1;
  return restored;
}

function boxVoxels({ box }: CaseProperties): number {
  const [d, h, w] = boxShape(box);
  return d * h * w;
}

function same(a: Triple, b: Triple): boolean {
  return a.every((n, i) => n === b[i]);
}

/** The data as a volume of the network's grid. Its affine is only as good as resampling needs: spacing along the axes. */
function onNetworkGrid<A extends Uint8Array | Float32Array>(
  data: A,
  channels: number,
  { shape, spacing }: CaseProperties,
): Volume<A> {
  const expected = channels * shape[0] * shape[1] * shape[2];
  if (data.length !== expected)
    throw new DataArgumentError('data', `${channels} x [${shape.join(', ')}] voxels (${expected})`, data.length);
  const affine = Float64Array.of(spacing[2], 0, 0, 0, 0, spacing[1], 0, 0, 0, 0, spacing[0], 0, 0, 0, 0, 1);
  return { data, channels, shape, spacing, affine };
}

/** Linear resampling to the crop's grid. */
function toCrop(data: Float32Array, channels: number, properties: CaseProperties): Float32Array {
  const inner = boxShape(properties.box);
  if (same(properties.shape, inner)) return data;
  const volume = onNetworkGrid(data, channels, properties);
  return resampleToShape(volume, inner, { order: 1, newSpacing: properties.canonicalSpacing }).data as Float32Array;
}

/** From the crop's grid to the file's, 0 outside the crop. */
function toFile<A extends Uint8Array | Float32Array>(data: A, channels: number, properties: CaseProperties): Volume<A> {
  const { box, canonicalShape, canonicalSpacing, reorientation } = properties;
  // Whole grids have the affines they were read with; only the crop's is made up, and `uncrop` does not use it for voxels.
  const crop: Volume<A> = {
    data,
    channels,
    shape: boxShape(box),
    spacing: canonicalSpacing,
    affine: reorientation.reorientedAffine,
  };
  const whole: Volume<A> = { ...uncrop(crop, box, canonicalShape), affine: reorientation.reorientedAffine };
  return fromCanonical(whole, reorientation);
}
