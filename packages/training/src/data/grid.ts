/**
 * Whether two images can be compared voxel by voxel. Only headers are looked at.
 */
import type { Volume } from '@revoxel/imaging';
import { DatasetError } from './errors.js';

/** Spacings of one grid agree to this relative difference: float32 headers and two ways to store a geometry. */
const SPACING_TOLERANCE = 1e-4;

/**
 * Refuse two volumes that are not on one grid: shape, spacing, orientation of the axes. A shift is no reason: headers that
 * disagree about the origin are common, and the voxels correspond all the same (`cornerDistance` tells how much).
 *
 * @param file - of `volume`; the error is about this file.
 * @param referenceFile - of `reference`.
 * @throws DatasetError naming both files and what differs.
 */
export function assertSameGrid(file: string, volume: Volume, referenceFile: string, reference: Volume): void {
  const differ = (what: string, mine: readonly unknown[], other: readonly unknown[]): DatasetError =>
    new DatasetError(
      file,
      `${what} [${mine.join(', ')}] differs from [${other.join(', ')}] of ${referenceFile}`,
      'resample one onto the other or take the case out',
    );
  if (volume.shape.some((n, i) => n !== reference.shape[i])) throw differ('shape', volume.shape, reference.shape);
  if (volume.spacing.some((s, i) => Math.abs(s - reference.spacing[i]!) > SPACING_TOLERANCE * reference.spacing[i]!)) {
    throw differ('spacing in mm', volume.spacing, reference.spacing);
  }
  // Voxels are paired by index; with another orientation that would put left on the right.
  for (let column = 0; column < 3; column++) {
    let dot = 0;
    for (let row = 0; row < 3; row++) dot += volume.affine[row * 4 + column]! * reference.affine[row * 4 + column]!;
    const cosine = dot / (volume.spacing[2 - column]! * reference.spacing[2 - column]!);
    if (cosine < 0.9) {
      throw new DatasetError(
        file,
        `its ${'WHD'[column]!} axis points elsewhere than that of ${referenceFile} (cosine ${cosine.toFixed(3)})`,
        'store both in one orientation',
      );
    }
  }
}

/** Largest distance in mm between corresponding corner voxels of two grids of one shape. */
export function cornerDistance(a: Volume, b: Volume): number {
  let largest = 0;
  for (let corner = 0; corner < 8; corner++) {
    const index = [0, 1, 2].map((axis) => ((corner >> axis) & 1) * (a.shape[2 - axis]! - 1));
    let squares = 0;
    for (let row = 0; row < 3; row++) {
      let difference = a.affine[row * 4 + 3]! - b.affine[row * 4 + 3]!;
      for (let k = 0; k < 3; k++) difference += (a.affine[row * 4 + k]! - b.affine[row * 4 + k]!) * index[k]!;
      squares += difference * difference;
    }
    largest = Math.max(largest, Math.sqrt(squares));
  }
  return largest;
}
