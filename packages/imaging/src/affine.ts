/**
 * Arithmetic on 4x4 affines and quaternions. Affines are row-major Float64Arrays of 16 numbers acting on the column
 * `(w, h, d, 1)` and give RAS+ millimetres (src/volume.ts). Not here: orientation codes and reordering (geometry.ts).
 *
 * Source for the quaternion form: the NIfTI-1 header definition, "method 2" (https://nifti.nimh.nih.gov).
 */
import { GeometryError } from './errors.js';
import type { Affine, Triple } from './volume.js';

/** The identity affine: 1 mm voxels, axes along world axes, origin at the first voxel. */
export function identityAffine(): Affine {
  return Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
}

/**
 * An axis-aligned affine.
 *
 * @param spacing - mm, `[D, H, W]`.
 * @param origin - world position of voxel 0 in mm, `(x, y, z)`; default 0.
 */
export function affineFromSpacing(spacing: Triple, origin: Triple = [0, 0, 0]): Affine {
  const [d, h, w] = spacing;
  return Float64Array.of(w, 0, 0, origin[0], 0, h, 0, origin[1], 0, 0, d, origin[2], 0, 0, 0, 1);
}

/**
 * Voxel edge lengths: the norms of the affine's first three columns.
 *
 * @returns mm, `[D, H, W]`.
 * @throws GeometryError when a column is zero or not finite.
 */
export function spacingFromAffine(affine: Affine): Triple {
  const norm = (column: number): number => {
    // The largest entry is taken out first: plain squares would turn exact spacings such as 0.1 into 0.1000...1 when only one entry is set.
    const a = Math.abs(affine[column]!);
    const b = Math.abs(affine[4 + column]!);
    const c = Math.abs(affine[8 + column]!);
    const big = Math.max(a, b, c);
    if (!(big > 0) || !Number.isFinite(big)) {
      throw new GeometryError(
        `affine: column ${column} is ${affine[column]}, ${affine[4 + column]}, ${affine[8 + column]}, which gives no voxel size; every axis needs a finite length > 0`,
      );
    }
    if (a + b + c === big) return big;
    return big * Math.sqrt((a / big) ** 2 + (b / big) ** 2 + (c / big) ** 2);
  };
  return [norm(2), norm(1), norm(0)];
}

/** The product `a b` of two affines. */
export function multiplyAffines(a: Affine, b: Affine): Affine {
  const out = new Float64Array(16);
  for (let r = 0; r < 4; r++) {
    for (let c = 0; c < 4; c++) {
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += a[r * 4 + k]! * b[k * 4 + c]!;
      out[r * 4 + c] = sum;
    }
  }
  return out;
}

/** Determinant of the upper-left 3x3 part; its sign says whether the voxel axes are right-handed in RAS. */
export function determinant3(m: Affine): number {
  return (
    m[0]! * (m[5]! * m[10]! - m[6]! * m[9]!) -
    m[1]! * (m[4]! * m[10]! - m[6]! * m[8]!) +
    m[2]! * (m[4]! * m[9]! - m[5]! * m[8]!)
  );
}

/**
 * The inverse affine: world mm to voxel index.
 *
 * @throws GeometryError when the affine is singular.
 */
export function invertAffine(m: Affine): Affine {
  const det = determinant3(m);
  if (!(Math.abs(det) > 0) || !Number.isFinite(det)) {
    throw new GeometryError(
      `affine: determinant ${det}, so it cannot be inverted; two voxel axes coincide or one has no length`,
    );
  }
  const out = new Float64Array(16);
  out[0] = (m[5]! * m[10]! - m[6]! * m[9]!) / det;
  out[1] = (m[2]! * m[9]! - m[1]! * m[10]!) / det;
  out[2] = (m[1]! * m[6]! - m[2]! * m[5]!) / det;
  out[4] = (m[6]! * m[8]! - m[4]! * m[10]!) / det;
  out[5] = (m[0]! * m[10]! - m[2]! * m[8]!) / det;
  out[6] = (m[2]! * m[4]! - m[0]! * m[6]!) / det;
  out[8] = (m[4]! * m[9]! - m[5]! * m[8]!) / det;
  out[9] = (m[1]! * m[8]! - m[0]! * m[9]!) / det;
  out[10] = (m[0]! * m[5]! - m[1]! * m[4]!) / det;
  for (let r = 0; r < 3; r++) {
    out[r * 4 + 3] = -(out[r * 4]! * m[3]! + out[r * 4 + 1]! * m[7]! + out[r * 4 + 2]! * m[11]!);
  }
  out[15] = 1;
  return out;
}

/** A rotation as NIfTI stores it: the unit quaternion's b, c, d (a >= 0 follows) and the handedness. */
export interface QuaternionForm {
  readonly b: number;
  readonly c: number;
  readonly d: number;
  /** -1 when the voxel axes are left-handed in RAS (the third axis is mirrored), else 1. */
  readonly qfac: 1 | -1;
}

/**
 * Affine of a quaternion form.
 *
 * @param q - quaternion and handedness. A vector part longer than 1 (seen in files, by rounding) is normalised.
 * @param spacing - mm, `[D, H, W]`.
 * @param origin - world position of voxel 0 in mm, `(x, y, z)`.
 */
export function affineFromQuaternion(q: QuaternionForm, spacing: Triple, origin: Triple): Affine {
  let { b, c, d } = q;
  const rest = 1 - (b * b + c * c + d * d);
  let a: number;
  if (rest < 1e-7) {
    // A half turn: what is left for `a` is rounding, so (b, c, d) is taken as the unit axis.
    const scale = 1 / Math.sqrt(b * b + c * c + d * d);
    a = 0;
    b *= scale;
    c *= scale;
    d *= scale;
  } else {
    a = Math.sqrt(rest);
  }
  const sw = spacing[2];
  const sh = spacing[1];
  const sd = spacing[0] * q.qfac;
  return Float64Array.of(
    (a * a + b * b - c * c - d * d) * sw,
    2 * (b * c - a * d) * sh,
    2 * (b * d + a * c) * sd,
    origin[0],
    2 * (b * c + a * d) * sw,
    (a * a + c * c - b * b - d * d) * sh,
    2 * (c * d - a * b) * sd,
    origin[1],
    2 * (b * d - a * c) * sw,
    2 * (c * d + a * b) * sh,
    (a * a + d * d - b * b - c * c) * sd,
    origin[2],
    0,
    0,
    0,
    1,
  );
}

/**
 * The quaternion form of an affine whose axes are orthogonal, or `undefined` when they are not: a shear has no quaternion.
 *
 * @param affine - voxel to world.
 * @param tolerance - largest cosine between two axes that still counts as orthogonal (float32 headers: 1e-5).
 */
export function quaternionFromAffine(affine: Affine, tolerance = 1e-5): QuaternionForm | undefined {
  const [sd, sh, sw] = spacingFromAffine(affine);
  const qfac = determinant3(affine) < 0 ? -1 : 1;
  const size = [sw, sh, sd * qfac];
  const r: number[] = [];
  for (let row = 0; row < 3; row++) for (let col = 0; col < 3; col++) r.push(affine[row * 4 + col]! / size[col]!);
  for (const [p, q] of [
    [0, 1],
    [0, 2],
    [1, 2],
  ] as const) {
    const cosine = r[p]! * r[q]! + r[3 + p]! * r[3 + q]! + r[6 + p]! * r[6 + q]!;
    if (Math.abs(cosine) > tolerance) return undefined;
  }
  const [r00, r01, r02, r10, r11, r12, r20, r21, r22] = r as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  // The largest of the four squared components is taken first, so that no quotient has a small divisor.
  const squares = [1 + r00 + r11 + r22, 1 + r00 - r11 - r22, 1 - r00 + r11 - r22, 1 - r00 - r11 + r22];
  const largest = squares.indexOf(Math.max(...squares));
  const root = 0.5 * Math.sqrt(squares[largest]!);
  const f = 0.25 / root;
  let a: number;
  let b: number;
  let c: number;
  let d: number;
  if (largest === 0) [a, b, c, d] = [root, (r21 - r12) * f, (r02 - r20) * f, (r10 - r01) * f];
  else if (largest === 1) [a, b, c, d] = [(r21 - r12) * f, root, (r01 + r10) * f, (r02 + r20) * f];
  else if (largest === 2) [a, b, c, d] = [(r02 - r20) * f, (r01 + r10) * f, root, (r12 + r21) * f];
  else [a, b, c, d] = [(r10 - r01) * f, (r02 + r20) * f, (r12 + r21) * f, root];
  const sign = a < 0 ? -1 : 1;
  return { b: sign * b, c: sign * c, d: sign * d, qfac };
}
