/**
 * Where voxels lie in the patient: orientation codes, reordering to RAS+ and back, voxel to world. Axes are only permuted
 * and flipped, never interpolated; resampling is resample.ts, and the arithmetic of affines is affine.ts.
 *
 * Codes name the direction in which each file axis grows, first axis (i = W) first: in `RAS` i grows to the patient's right,
 * j (H) to the anterior, k (D) to the superior side.
 */
import { determinant3, invertAffine, multiplyAffines, spacingFromAffine } from './affine.js';
import { sameTypeVoxels } from './dtype.js';
import { GeometryError } from './errors.js';
import { assertVolume } from './make-volume.js';
import type { Affine, Triple, Volume, VoxelArray } from './volume.js';

/** Numbers per axis in file order `(i, j, k)` = `(W, H, D)`. */
export type PerFileAxis<T> = readonly [T, T, T];

/** How to get from one axis order to another by permuting and flipping alone. All entries in file order `(i, j, k)`. */
export interface Reorientation {
  /** Axis o of the reoriented grid is axis `axes[o]` of the original grid. */
  readonly axes: PerFileAxis<0 | 1 | 2>;
  /** Whether axis o of the reoriented grid runs against the original one. */
  readonly flips: PerFileAxis<boolean>;
  /** Size of the original grid, `[D, H, W]`. */
  readonly originalShape: Triple;
  /** Affine of the original grid and of the reoriented one; kept so that the way back is exact. */
  readonly originalAffine: Affine;
  readonly reorientedAffine: Affine;
}

const PERMUTATIONS: readonly PerFileAxis<0 | 1 | 2>[] = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];

const LETTERS: readonly (readonly [string, string])[] = [
  ['R', 'L'],
  ['A', 'P'],
  ['S', 'I'],
];

/**
 * The closest axis order: which file axis runs along which world axis, and in which sense. Of the six assignments the one
 * with the largest sum of absolute direction cosines is taken (the first listed on ties).
 */
function closestAxes(affine: Affine): { axes: PerFileAxis<0 | 1 | 2>; flips: PerFileAxis<boolean> } {
  if (!(Math.abs(determinant3(affine)) > 0)) {
    throw new GeometryError(
      'orientation: the affine is singular, so its axes have no direction; repair the header first',
    );
  }
  const [sd, sh, sw] = spacingFromAffine(affine);
  const size = [sw, sh, sd];
  const cosine = (world: number, axis: number): number => affine[world * 4 + axis]! / size[axis]!;
  let best = PERMUTATIONS[0]!;
  let bestSum = -1;
  for (const p of PERMUTATIONS) {
    const sum = Math.abs(cosine(0, p[0])) + Math.abs(cosine(1, p[1])) + Math.abs(cosine(2, p[2]));
    // The margin keeps rounding from deciding between equally good assignments (45 degree grids).
    if (sum > bestSum + 1e-9) {
      bestSum = sum;
      best = p;
    }
  }
  return { axes: best, flips: [cosine(0, best[0]) < 0, cosine(1, best[1]) < 0, cosine(2, best[2]) < 0] };
}

/**
 * Orientation code of an affine, such as `RAS` or `LPI`; oblique grids get the closest code.
 *
 * @param affine - voxel `(w, h, d, 1)` to RAS+ mm.
 * @returns three letters: where file axes i, j, k (= W, H, D) grow to.
 * @throws GeometryError when the affine is singular.
 */
export function orientationCode(affine: Affine): string {
  const { axes, flips } = closestAxes(affine);
  const code = ['', '', ''];
  axes.forEach((axis, world) => {
    code[axis] = LETTERS[world]![flips[world]! ? 1 : 0]!;
  });
  return code.join('');
}

/** A reoriented volume, and how to go back. */
export interface Canonical<A extends VoxelArray> {
  /** The volume with axes closest to R, A, S. */
  readonly volume: Volume<A>;
  /** Pass this to `fromCanonical`. */
  readonly reorientation: Reorientation;
}

/**
 * Permute and flip axes so that i, j, k grow closest to right, anterior, superior. World positions of all voxels stay.
 *
 * @param volume - any orientation, oblique ones included (they stay oblique by less than 45 degrees about an axis).
 * @returns a new volume and the way back; the data are copied unless the volume is canonical already.
 * @throws GeometryError when the affine is singular.
 */
export function toCanonical<A extends VoxelArray>(volume: Volume<A>): Canonical<A> {
  assertVolume(volume, 'toCanonical');
  const { axes, flips } = closestAxes(volume.affine);
  const isCanonical = axes.every((axis, o) => axis === o) && !flips.includes(true);
  const affine = isCanonical ? volume.affine : multiplyAffines(volume.affine, indexMap(axes, flips, volume.shape));
  const reorientation: Reorientation = {
    axes,
    flips,
    originalShape: volume.shape,
    originalAffine: volume.affine,
    reorientedAffine: affine,
  };
  if (isCanonical) return { volume, reorientation };
  return { volume: { ...reorder(volume, axes, flips), affine, spacing: spacingFromAffine(affine) }, reorientation };
}

/**
 * Undo `toCanonical`, on the same volume or on any other that lies on its grid (a prediction).
 *
 * @param volume - canonical; its shape is the reordered original shape.
 * @param reorientation - from `toCanonical`.
 * @returns the volume in the original axis order; data and affine exactly as they were before.
 * @throws GeometryError when the volume has another shape.
 */
export function fromCanonical<A extends VoxelArray>(volume: Volume<A>, reorientation: Reorientation): Volume<A> {
  assertVolume(volume, 'fromCanonical');
  const { axes, flips, originalShape, originalAffine, reorientedAffine } = reorientation;
  const expected = reorderedShape(originalShape, axes);
  if (!expected.every((n, i) => n === volume.shape[i])) {
    throw new GeometryError(
      `fromCanonical: shape [${volume.shape.join(', ')}], the reorientation was made for [${expected.join(', ')}]; undo crops and resampling first`,
    );
  }
  const back: [0 | 1 | 2, 0 | 1 | 2, 0 | 1 | 2] = [0, 0, 0];
  const backFlips: [boolean, boolean, boolean] = [false, false, false];
  axes.forEach((axis, o) => {
    back[axis] = o as 0 | 1 | 2;
    backFlips[axis] = flips[o]!;
  });
  const sameGrid = volume.affine.every((v, i) => v === reorientedAffine[i]);
  const affine = sameGrid ? originalAffine : multiplyAffines(volume.affine, indexMap(back, backFlips, volume.shape));
  const isCanonical = axes.every((axis, o) => axis === o) && !flips.includes(true);
  const moved = isCanonical ? volume : reorder(volume, back, backFlips);
  return { ...moved, affine, spacing: spacingFromAffine(affine) };
}

/** Affine on indices: new index to old index. */
function indexMap(axes: PerFileAxis<0 | 1 | 2>, flips: PerFileAxis<boolean>, oldShape: Triple): Affine {
  const map = new Float64Array(16);
  map[15] = 1;
  for (let o = 0; o < 3; o++) {
    const axis = axes[o]!;
    map[axis * 4 + o] = flips[o]! ? -1 : 1;
    if (flips[o]!) map[axis * 4 + 3] = oldShape[2 - axis]! - 1;
  }
  return map;
}

function reorderedShape(shape: Triple, axes: PerFileAxis<0 | 1 | 2>): Triple {
  return [shape[2 - axes[2]]!, shape[2 - axes[1]]!, shape[2 - axes[0]]!];
}

/** Data and shape in the new axis order; the caller sets the affine. */
function reorder<A extends VoxelArray>(
  volume: Volume<A>,
  axes: PerFileAxis<0 | 1 | 2>,
  flips: PerFileAxis<boolean>,
): Volume<A> {
  const { data, shape, channels } = volume;
  const out = sameTypeVoxels(data, data.length);
  const strides = [1, shape[2], shape[1] * shape[2]];
  const [nd, nh, nw] = reorderedShape(shape, axes);
  let start = 0;
  const step = (o: 0 | 1 | 2, length: number): number => {
    const stride = strides[axes[o]]!;
    if (!flips[o]) return stride;
    start += (length - 1) * stride;
    return -stride;
  };
  const stepW = step(0, nw);
  const stepH = step(1, nh);
  const stepD = step(2, nd);
  const perChannel = nd * nh * nw;
  let to = 0;
  for (let c = 0; c < channels; c++) {
    for (let d = 0; d < nd; d++) {
      for (let h = 0; h < nh; h++) {
        let from = c * perChannel + start + d * stepD + h * stepH;
        for (let w = 0; w < nw; w++) {
          out[to++] = data[from]!;
          from += stepW;
        }
      }
    }
  }
  return { ...volume, data: out, shape: [nd, nh, nw] };
}

/**
 * World position of a voxel.
 *
 * @param affine - voxel to world.
 * @param index - `[d, h, w]`, fractions allowed; integers are voxel centres.
 * @returns `[x, y, z]` in RAS+ mm.
 */
export function voxelToWorld(affine: Affine, index: Triple): Triple {
  const [d, h, w] = index;
  const at = (row: number): number => affine[row]! * w + affine[row + 1]! * h + affine[row + 2]! * d + affine[row + 3]!;
  return [at(0), at(4), at(8)];
}

/**
 * Voxel index of a world position. For many points invert once with `invertAffine` and use `voxelToWorld` on the inverse.
 *
 * @param affine - voxel to world.
 * @param point - `[x, y, z]` in RAS+ mm.
 * @returns `[d, h, w]`, with fractions; may lie outside the volume.
 * @throws GeometryError when the affine is singular.
 */
export function worldToVoxel(affine: Affine, point: Triple): Triple {
  const inverse = invertAffine(affine);
  const [x, y, z] = point;
  const at = (row: number): number =>
    inverse[row]! * x + inverse[row + 1]! * y + inverse[row + 2]! * z + inverse[row + 3]!;
  return [at(8), at(4), at(0)];
}

/**
 * Whether two volumes lie on the same grid: equal shapes, and every corner voxel of one within `tolerance` mm of the other's.
 *
 * @param tolerance - mm, default 1e-3.
 */
export function sameGrid(
  a: Pick<Volume, 'shape' | 'affine'>,
  b: Pick<Volume, 'shape' | 'affine'>,
  tolerance = 1e-3,
): boolean {
  if (!a.shape.every((n, i) => n === b.shape[i])) return false;
  const [d, h, w] = a.shape;
  for (let corner = 0; corner < 8; corner++) {
    const index: Triple = [corner & 1 ? d - 1 : 0, corner & 2 ? h - 1 : 0, corner & 4 ? w - 1 : 0];
    const p = voxelToWorld(a.affine, index);
    const q = voxelToWorld(b.affine, index);
    if (!(Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]) <= tolerance)) return false;
  }
  return true;
}
