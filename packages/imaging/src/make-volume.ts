/**
 * Making and checking volumes. The contract itself is src/volume.ts.
 */
import { affineFromSpacing, spacingFromAffine } from './affine.js';
import { GeometryError } from './errors.js';
import type { Affine, Triple, Volume, VoxelArray } from './volume.js';

/** Parts of a volume; what is missing gets the usual value. */
export interface VolumeParts<A extends VoxelArray> {
  /** Voxels, `[channels, D, H, W]`, C order; used as they are, not copied. */
  readonly data: A;
  /** Size in voxels, `[D, H, W]`. */
  readonly shape: Triple;
  /** Number of channels, default 1. */
  readonly channels?: number;
  /** Voxel index `(w, h, d, 1)` to world mm, RAS+. Default: axis-aligned with `spacing`, voxel 0 at the origin. */
  readonly affine?: Affine;
  /** mm, `[D, H, W]`, for the default affine; default 1. Ignored when `affine` is given (its column norms are the spacing). */
  readonly spacing?: Triple;
}

/**
 * A checked volume from its parts.
 *
 * @throws GeometryError when the data length does not match the shape, or the affine gives no voxel size.
 * @example
 * const v = makeVolume({ data: new Uint8Array(24), shape: [2, 3, 4], spacing: [2, 1, 1] });
 */
export function makeVolume<A extends VoxelArray>(parts: VolumeParts<A>): Volume<A> {
  const affine = parts.affine ?? affineFromSpacing(parts.spacing ?? [1, 1, 1]);
  const volume: Volume<A> = {
    data: parts.data,
    channels: parts.channels ?? 1,
    shape: parts.shape,
    spacing: spacingFromAffine(affine),
    affine,
  };
  assertVolume(volume, 'makeVolume');
  return volume;
}

/**
 * Check that a volume agrees with itself.
 *
 * @param volume - to check.
 * @param where - name of the calling function, for the message.
 * @throws GeometryError naming the first contradiction.
 */
export function assertVolume(volume: Volume, where: string): void {
  const { channels, shape, spacing, affine, data } = volume;
  for (const length of [channels, ...shape]) {
    if (!(Number.isSafeInteger(length) && length >= 1)) {
      throw new GeometryError(
        `${where}: size ${channels} x [${shape.join(', ')}] has an entry that is not a positive integer; give channels and [D, H, W]`,
      );
    }
  }
  const count = channels * shape[0] * shape[1] * shape[2];
  if (data.length !== count) {
    throw new GeometryError(
      `${where}: ${data.length} voxels given, ${channels} x [${shape.join(', ')}] needs ${count}; pass data of that length`,
    );
  }
  if (affine.length !== 16)
    throw new GeometryError(`${where}: affine has ${affine.length} numbers; pass 16, row-major`);
  if (!spacing.every((s) => Number.isFinite(s) && s > 0)) {
    throw new GeometryError(
      `${where}: spacing [${spacing.join(', ')}] mm is not finite and positive; pass [D, H, W] in mm`,
    );
  }
  const norms = spacingFromAffine(affine);
  if (spacing.some((s, i) => Math.abs(s - norms[i]!) > 1e-3 * norms[i]!)) {
    throw new GeometryError(
      `${where}: spacing [${spacing.join(', ')}] mm contradicts the affine, whose voxels are [${norms.join(', ')}] mm; change both together`,
    );
  }
}

/**
 * Check that two volumes have the same size in voxels.
 *
 * @throws GeometryError naming both sizes.
 */
export function assertSameShape(a: Volume, b: Volume, where: string): void {
  if (a.shape.every((n, i) => n === b.shape[i])) return;
  throw new GeometryError(
    `${where}: shapes [${a.shape.join(', ')}] and [${b.shape.join(', ')}] differ; both volumes must lie on one voxel grid`,
  );
}
