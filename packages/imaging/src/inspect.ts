/**
 * What is in a volume, in numbers a person or a log wants: size, place, type, range, labels. Read-only.
 */
import { isIntegerType, toNumberVoxels, voxelTypeOf } from './dtype.js';
import type { VoxelType } from './dtype.js';
import { orientationCode } from './geometry.js';
import { assertVolume } from './make-volume.js';
import { countLabels, voxelMl } from './metrics.js';
import type { Triple, Volume } from './volume.js';

/** Description of a volume; plain data, ready for JSON. */
export interface VolumeDescription {
  /** Size in voxels, `[D, H, W]`. */
  readonly shape: Triple;
  readonly channels: number;
  /** mm, `[D, H, W]`. */
  readonly spacing: Triple;
  /** Field of view in mm, `[D, H, W]`: shape times spacing. */
  readonly extent: Triple;
  /** Where file axes i, j, k (= W, H, D) grow to, such as `RAS`. */
  readonly orientation: string;
  readonly type: VoxelType;
  /** Over finite values of all channels; NaN when there is none. */
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Values that are NaN or infinite. */
  readonly nonFinite: number;
  /** For integer types with one channel and at most `MAX_LABELS` distinct values: voxels and mL per value, ascending. */
  readonly labels: readonly { readonly label: number; readonly voxels: number; readonly ml: number }[] | undefined;
}

/** An integer image with more distinct values than this is not listed as labels. */
export const MAX_LABELS = 512;

/**
 * Describe a volume.
 *
 * @param volume - any.
 * @returns see `VolumeDescription`. Time: two passes over the voxels.
 * @throws GeometryError when the volume contradicts itself.
 */
export function describe(volume: Volume): VolumeDescription {
  assertVolume(volume, 'describe');
  const values = toNumberVoxels(volume.data);
  const n = values.length;
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  let nonFinite = 0;
  for (let i = 0; i < n; i++) {
    const v = values[i]!;
    // v - v is 0 exactly for finite numbers; a call of Number.isFinite per voxel costs more.
    if (v - v !== 0) {
      nonFinite++;
      continue;
    }
    sum += v;
    if (v < min) min = v;
    if (v > max) max = v;
  }
  const finite = n - nonFinite;
  const type = voxelTypeOf(volume.data);
  const { shape, spacing } = volume;
  return {
    shape,
    channels: volume.channels,
    spacing,
    extent: [shape[0] * spacing[0], shape[1] * spacing[1], shape[2] * spacing[2]],
    orientation: orientationCode(volume.affine),
    type,
    min: finite > 0 ? min : Number.NaN,
    max: finite > 0 ? max : Number.NaN,
    mean: finite > 0 ? sum / finite : Number.NaN,
    nonFinite,
    labels: isIntegerType(type) && volume.channels === 1 && max - min < 65536 ? labelsOf(volume) : undefined,
  };
}

function labelsOf(volume: Volume): VolumeDescription['labels'] {
  const counts = countLabels(volume.data);
  if (counts.size > MAX_LABELS) return undefined;
  const ml = voxelMl(volume);
  return [...counts].map(([label, voxels]) => ({ label, voxels, ml: voxels * ml }));
}
