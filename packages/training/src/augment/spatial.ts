/**
 * Cutting a patch out of a case, straight or rotated and scaled: one pass over the patch, image linear, labels by the largest
 * summed weight, so that no one-hot copies are made and the case is never resampled as a whole.
 *
 * Convention: the patch's centre stays where it is; a patch voxel at offset o from the centre shows the case at offset A o,
 * A = Rw Rh Rd S acting on `(d, h, w)` columns, Rd turning about the D axis.
 */
import type { Triple } from '@revoxel/imaging';
import { OUTSIDE } from './patch-case.js';
import type { PatchCase } from './patch-case.js';

/** Rotation and scaling of a patch. */
export interface SpatialParameters {
  /** Radians about the D, H and W axes. */
  readonly angles: Triple;
  /** Sampling distance along D, H and W relative to the voxel; above 1 objects shrink. */
  readonly scale: Triple;
}

/**
 * The matrix that takes patch offsets to case offsets.
 *
 * @returns 3x3, row-major, on `(d, h, w)` columns.
 */
export function spatialMatrix({ angles, scale }: SpatialParameters): Float64Array {
  const [a, b, c] = angles;
  const rd = Float64Array.of(1, 0, 0, 0, Math.cos(a), -Math.sin(a), 0, Math.sin(a), Math.cos(a));
  const rh = Float64Array.of(Math.cos(b), 0, Math.sin(b), 0, 1, 0, -Math.sin(b), 0, Math.cos(b));
  const rw = Float64Array.of(Math.cos(c), -Math.sin(c), 0, Math.sin(c), Math.cos(c), 0, 0, 0, 1);
  const s = Float64Array.of(scale[0], 0, 0, 0, scale[1], 0, 0, 0, scale[2]);
  return multiply(rw, multiply(rh, multiply(rd, s)));
}

function multiply(a: Float64Array, b: Float64Array): Float64Array {
  const out = new Float64Array(9);
  for (let r = 0; r < 3; r++) {
    for (let c = 0; c < 3; c++)
      out[r * 3 + c] = a[r * 3]! * b[c]! + a[r * 3 + 1]! * b[3 + c]! + a[r * 3 + 2]! * b[6 + c]!;
  }
  return out;
}

/**
 * Copy a patch; what lies outside the case is 0 in the image and `OUTSIDE` in the label.
 *
 * @param source - the case.
 * @param start - first voxel, `[d, h, w]`, may lie outside.
 * @param patch - voxels, `[D, H, W]`.
 * @param image - receives `[C, D, H, W]`.
 * @param label - receives `[D, H, W]`.
 */
export function cropPatch(
  source: PatchCase,
  start: Triple,
  patch: Triple,
  image: Float32Array,
  label: Uint8Array,
): void {
  const [D, H, W] = source.shape;
  const [pd, ph, pw] = patch;
  const [d0, h0, w0] = start;
  image.fill(0);
  label.fill(OUTSIDE);
  const from = Math.max(0, -w0);
  const to = Math.min(pw, W - w0);
  if (from >= to) return;
  const volume = D * H * W;
  for (let d = Math.max(0, -d0); d < Math.min(pd, D - d0); d++) {
    for (let h = Math.max(0, -h0); h < Math.min(ph, H - h0); h++) {
      const src = ((d0 + d) * H + h0 + h) * W + w0;
      const dst = (d * ph + h) * pw;
      label.set(source.label.subarray(src + from, src + to), dst + from);
      for (let c = 0; c < source.channels; c++) {
        const row = c * volume + src;
        image.set(source.image.subarray(row + from, row + to), c * pd * ph * pw + dst + from);
      }
    }
  }
}

/**
 * Gather a rotated and scaled patch around the place of a straight one.
 *
 * Image: trilinear, voxels outside the case count as 0. Label: the label with the largest sum of trilinear weights, the lower one
 * on ties, voxels outside count as `OUTSIDE` (lowest of all).
 *
 * @param source - the case.
 * @param start - first voxel of the straight patch, `[d, h, w]`; its centre is the centre of rotation.
 * @param patch - voxels, `[D, H, W]`.
 * @param matrix - of `spatialMatrix`.
 * @param image - receives `[C, D, H, W]`.
 * @param label - receives `[D, H, W]`.
 */
export function gatherPatch(
  source: PatchCase,
  start: Triple,
  patch: Triple,
  matrix: Float64Array,
  image: Float32Array,
  label: Uint8Array,
): void {
  const [D, H, W] = source.shape;
  const [pd, ph, pw] = patch;
  const { image: x, label: y, channels } = source;
  const plane = H * W;
  const volume = D * plane;
  const out = pd * ph * pw;
  const [m00, m01, m02, m10, m11, m12, m20, m21, m22] = matrix as unknown as number[] as [
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
  const centre = start.map((s, axis) => s + (patch[axis]! - 1) / 2) as unknown as Triple;
  const weights = new Float64Array(8);
  const corners = new Uint8Array(8);
  for (let d = 0, i = 0; d < pd; d++) {
    const od = d - (pd - 1) / 2;
    for (let h = 0; h < ph; h++) {
      const oh = h - (ph - 1) / 2;
      const bd = centre[0] + m00 * od + m01 * oh;
      const bh = centre[1] + m10 * od + m11 * oh;
      const bw = centre[2] + m20 * od + m21 * oh;
      for (let w = 0; w < pw; w++, i++) {
        const ow = w - (pw - 1) / 2;
        const sd = bd + m02 * ow;
        const sh = bh + m12 * ow;
        const sw = bw + m22 * ow;
        const d0 = Math.floor(sd);
        const h0 = Math.floor(sh);
        const w0 = Math.floor(sw);
        if (d0 < -1 || h0 < -1 || w0 < -1 || d0 >= D || h0 >= H || w0 >= W) {
          label[i] = OUTSIDE;
          for (let c = 0; c < channels; c++) image[c * out + i] = 0;
          continue;
        }
        const td = sd - d0;
        const th = sh - h0;
        const tw = sw - w0;
        const ud = 1 - td;
        const uh = 1 - th;
        const uw = 1 - tw;
        const at = d0 * plane + h0 * W + w0;
        // Corners outside must not be read: their weight goes to OUTSIDE, and their offset to a voxel that exists.
        const dIn0 = d0 >= 0;
        const dIn1 = d0 + 1 < D;
        const hIn0 = h0 >= 0;
        const hIn1 = h0 + 1 < H;
        const wIn0 = w0 >= 0;
        const wIn1 = w0 + 1 < W;
        if (dIn0 && dIn1 && hIn0 && hIn1 && wIn0 && wIn1) {
          const a = ud * uh;
          const b = ud * th;
          const e = td * uh;
          const f = td * th;
          for (let c = 0; c < channels; c++) {
            const p = c * volume + at;
            const q = p + plane;
            image[c * out + i] =
              a * (uw * x[p]! + tw * x[p + 1]!) +
              b * (uw * x[p + W]! + tw * x[p + W + 1]!) +
              e * (uw * x[q]! + tw * x[q + 1]!) +
              f * (uw * x[q + W]! + tw * x[q + W + 1]!);
          }
          const first = y[at]!;
          const q = at + plane;
          if (
            first === y[at + 1]! &&
            first === y[at + W]! &&
            first === y[at + W + 1]! &&
            first === y[q]! &&
            first === y[q + 1]! &&
            first === y[q + W]! &&
            first === y[q + W + 1]!
          ) {
            label[i] = first; // most voxels: all eight corners agree
            continue;
          }
        } else {
          for (let c = 0; c < channels; c++) {
            const p = c * volume + at;
            let sum = 0;
            if (dIn0 && hIn0 && wIn0) sum += ud * uh * uw * x[p]!;
            if (dIn0 && hIn0 && wIn1) sum += ud * uh * tw * x[p + 1]!;
            if (dIn0 && hIn1 && wIn0) sum += ud * th * uw * x[p + W]!;
            if (dIn0 && hIn1 && wIn1) sum += ud * th * tw * x[p + W + 1]!;
            if (dIn1 && hIn0 && wIn0) sum += td * uh * uw * x[p + plane]!;
            if (dIn1 && hIn0 && wIn1) sum += td * uh * tw * x[p + plane + 1]!;
            if (dIn1 && hIn1 && wIn0) sum += td * th * uw * x[p + plane + W]!;
            if (dIn1 && hIn1 && wIn1) sum += td * th * tw * x[p + plane + W + 1]!;
            image[c * out + i] = sum;
          }
        }
        for (let k = 0; k < 8; k++) {
          const kd = k >> 2;
          const kh = (k >> 1) & 1;
          const kw = k & 1;
          weights[k] = (kd ? td : ud) * (kh ? th : uh) * (kw ? tw : uw);
          const inside = (kd ? dIn1 : dIn0) && (kh ? hIn1 : hIn0) && (kw ? wIn1 : wIn0);
          corners[k] = inside ? y[at + kd * plane + kh * W + kw]! : OUTSIDE;
        }
        label[i] = heaviest(corners, weights);
      }
    }
  }
}

/** The label with the largest sum of weights; on ties the lower one, `OUTSIDE` being lowest. Uses `weights` up. */
function heaviest(corners: Uint8Array, weights: Float64Array): number {
  let best = OUTSIDE;
  let most = -1;
  for (let k = 0; k < 8; k++) {
    const label = corners[k]!;
    let sum = weights[k]!;
    if (sum < 0) continue; // counted with an earlier corner
    for (let j = k + 1; j < 8; j++) {
      if (corners[j] === label && weights[j]! >= 0) {
        sum += weights[j]!;
        weights[j] = -1;
      }
    }
    const lower = label === OUTSIDE || (best !== OUTSIDE && label < best);
    if (sum > most || (sum === most && lower)) {
      most = sum;
      best = label;
    }
  }
  return best;
}
