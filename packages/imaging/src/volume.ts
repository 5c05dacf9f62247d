/**
 * The volume: voxels with a place in the patient.
 *
 * Axis order, stated once (docs/conventions.md): arrays are C-ordered `[C, D, H, W]`, the last axis varying fastest.
 * W is the first axis of a NIfTI file (i), H the second (j), D the third (k), so a NIfTI file's bytes are used as they lie.
 * `shape` and `spacing` follow the array: `[D, H, W]`. The affine follows NIfTI: it maps `(i, j, k, 1)` = `(w, h, d, 1)`
 * to world millimetres, RAS+ (+x towards the patient's right, +y anterior, +z superior).
 */

/** The typed arrays a volume may hold its voxels in. */
export type VoxelArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** Three numbers in array order `[D, H, W]`. */
export type Triple = readonly [number, number, number];

/** A 4x4 matrix, row-major, 16 float64 numbers; the last row is 0 0 0 1. */
export type Affine = Float64Array;

/** Voxels with their geometry. Immutable by convention: functions return new volumes. */
export interface Volume<A extends VoxelArray = VoxelArray> {
  /** Voxels, `[channels, D, H, W]`, C order. Length = channels * D * H * W. */
  readonly data: A;
  /** Number of channels (1 for an ordinary image or a label map). */
  readonly channels: number;
  /** Size in voxels, `[D, H, W]`. */
  readonly shape: Triple;
  /** Voxel edge lengths in mm, `[D, H, W]`; always positive and equal to the column norms of the affine. */
  readonly spacing: Triple;
  /** Voxel index `(w, h, d, 1)` to world mm, RAS+. */
  readonly affine: Affine;
}
