/**
 * Cutting volumes down to what matters and putting them back: boxes, padding, and nnU-Net's crop to non-zero with hole
 * filling. The affine follows every cut, so world positions of voxels stay. Nothing is interpolated here.
 *
 * Source: Isensee et al. 2021 (doi 10.1038/s41592-020-01008-z), preprocessing; hole filling is the complement of the
 * 6-connected background that reaches the border.
 */
import { convertVoxels, sameTypeVoxels } from './dtype.js';
import { ArgumentError, GeometryError } from './errors.js';
import { assertSameShape, assertVolume } from './make-volume.js';
import type { Affine, Triple, Volume, VoxelArray } from './volume.js';
import { voxelToWorld } from './geometry.js';

/** A half-open box of voxels, `[D, H, W]`: start is in it, end is not. */
export interface Box {
  readonly start: Triple;
  readonly end: Triple;
}

/** Size of a box in voxels, `[D, H, W]`. */
export function boxShape(box: Box): Triple {
  return [box.end[0] - box.start[0], box.end[1] - box.start[1], box.end[2] - box.start[2]];
}

/**
 * Where any channel is non-zero, holes filled.
 *
 * @param volume - `[channels, D, H, W]`; NaN counts as non-zero.
 * @returns `[D, H, W]`, 1 inside.
 */
export function nonZeroMask(volume: Volume): Uint8Array {
  assertVolume(volume, 'nonZeroMask');
  const n = volume.shape[0] * volume.shape[1] * volume.shape[2];
  const mask = new Uint8Array(n);
  const { data, channels } = volume;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let c = 0, i = 0; c < channels; c++) for (let v = 0; v < n; v++, i++) if (data[i] !== 0n) mask[v] = 1;
  } else {
    for (let c = 0, i = 0; c < channels; c++) for (let v = 0; v < n; v++, i++) if (data[i] !== 0) mask[v] = 1;
  }
  return fillHoles(mask, volume.shape);
}

/**
 * Fill holes: every background voxel that cannot reach the border through face neighbours becomes 1.
 *
 * @param mask - `[D, H, W]`, 0 or not; not changed.
 * @param shape - `[D, H, W]`.
 * @returns a new mask of 0 and 1. Time and memory linear in the number of voxels.
 */
export function fillHoles(mask: Uint8Array, shape: Triple): Uint8Array {
  const [nd, nh, nw] = shape;
  const plane = nh * nw;
  const OUTSIDE = 2;
  const state = new Uint8Array(mask.length);
  for (let i = 0; i < mask.length; i++) state[i] = mask[i] !== 0 ? 1 : 0;

  // Runs along W instead of single voxels: the stack stays small and the inner loops are contiguous.
  let stack = new Float64Array(1024);
  let depth = 0;
  const push = (index: number): void => {
    if (depth === stack.length) {
      const larger = new Float64Array(2 * depth);
      larger.set(stack);
      stack = larger;
    }
    stack[depth++] = index;
  };
  const pushRuns = (from: number, to: number): void => {
    for (let i = from; i <= to; i++) if (state[i] === 0 && (i === from || state[i - 1] !== 0)) push(i);
  };
  const flood = (): void => {
    while (depth > 0) {
      const seed = stack[--depth]!;
      if (state[seed] !== 0) continue;
      const d = Math.floor(seed / plane);
      const h = Math.floor((seed - d * plane) / nw);
      const rowStart = d * plane + h * nw;
      const rowEnd = rowStart + nw - 1;
      let a = seed;
      let b = seed;
      while (a > rowStart && state[a - 1] === 0) a--;
      while (b < rowEnd && state[b + 1] === 0) b++;
      state.fill(OUTSIDE, a, b + 1);
      if (h > 0) pushRuns(a - nw, b - nw);
      if (h < nh - 1) pushRuns(a + nw, b + nw);
      if (d > 0) pushRuns(a - plane, b - plane);
      if (d < nd - 1) pushRuns(a + plane, b + plane);
    }
  };
  for (let d = 0; d < nd; d++) {
    for (let h = 0; h < nh; h++) {
      const row = d * plane + h * nw;
      const border = d === 0 || d === nd - 1 || h === 0 || h === nh - 1;
      if (border) pushRuns(row, row + nw - 1);
      else {
        if (state[row] === 0) push(row);
        if (state[row + nw - 1] === 0) push(row + nw - 1);
      }
      flood();
    }
  }
  for (let i = 0; i < state.length; i++) state[i] = state[i] === OUTSIDE ? 0 : 1;
  return state;
}

/**
 * Tight box around the non-zero voxels of a mask.
 *
 * @param mask - `[D, H, W]`.
 * @param shape - `[D, H, W]`.
 * @returns the box, or `undefined` when the mask is empty.
 */
export function boundingBox(mask: ArrayLike<number>, shape: Triple): Box | undefined {
  const [nd, nh, nw] = shape;
  let d0 = nd;
  let d1 = -1;
  let h0 = nh;
  let h1 = -1;
  let w0 = nw;
  let w1 = -1;
  for (let d = 0, i = 0; d < nd; d++) {
    for (let h = 0; h < nh; h++) {
      for (let w = 0; w < nw; w++, i++) {
        if (mask[i] === 0) continue;
        if (d < d0) d0 = d;
        d1 = d;
        if (h < h0) h0 = h;
        if (h > h1) h1 = h;
        if (w < w0) w0 = w;
        if (w > w1) w1 = w;
      }
    }
  }
  return d1 < 0 ? undefined : { start: [d0, h0, w0], end: [d1 + 1, h1 + 1, w1 + 1] };
}

/**
 * The part of a volume inside a box.
 *
 * @param volume - `[channels, D, H, W]`.
 * @param box - within the volume.
 * @returns a copy with its own affine; world positions stay.
 * @throws GeometryError when the box is empty or reaches outside.
 */
export function cropToBox<A extends VoxelArray>(volume: Volume<A>, box: Box): Volume<A> {
  assertVolume(volume, 'cropToBox');
  assertBox(box, volume.shape, 'cropToBox');
  const shape = boxShape(box);
  const out = sameTypeVoxels(volume.data, volume.channels * shape[0] * shape[1] * shape[2]);
  copyBlock(volume.data, volume.shape, box.start, out, shape, [0, 0, 0], shape, volume.channels);
  return { ...volume, data: out, shape, affine: shiftedAffine(volume.affine, box.start) };
}

/**
 * Undo `cropToBox`: put a volume into a larger, filled one.
 *
 * @param volume - of the box's shape.
 * @param box - as given to `cropToBox`.
 * @param shape - of the result, `[D, H, W]`.
 * @param fill - value outside the box, default 0.
 * @throws GeometryError when shapes do not fit.
 */
export function uncrop<A extends VoxelArray>(volume: Volume<A>, box: Box, shape: Triple, fill = 0): Volume<A> {
  assertVolume(volume, 'uncrop');
  assertBox(box, shape, 'uncrop');
  const inner = boxShape(box);
  if (!inner.every((n, i) => n === volume.shape[i])) {
    throw new GeometryError(
      `uncrop: volume [${volume.shape.join(', ')}] does not fit a box of [${inner.join(', ')}]; resample it back first`,
    );
  }
  const out = sameTypeVoxels(volume.data, volume.channels * shape[0] * shape[1] * shape[2]);
  fillVoxels(out, fill);
  copyBlock(volume.data, volume.shape, [0, 0, 0], out, shape, box.start, inner, volume.channels);
  const [d, h, w] = box.start;
  return { ...volume, data: out, shape, affine: shiftedAffine(volume.affine, [-d, -h, -w]) };
}

/**
 * Add voxels around a volume.
 *
 * @param volume - `[channels, D, H, W]`.
 * @param before - voxels added in front of each axis, `[D, H, W]`, >= 0.
 * @param after - voxels added behind each axis.
 * @param fill - their value, default 0.
 * @returns a new volume; world positions stay.
 */
export function pad<A extends VoxelArray>(volume: Volume<A>, before: Triple, after: Triple, fill = 0): Volume<A> {
  for (const n of [...before, ...after]) {
    if (!(Number.isSafeInteger(n) && n >= 0)) throw new ArgumentError('before, after', 'integers >= 0', n);
  }
  const [d, h, w] = volume.shape;
  const shape: Triple = [before[0] + d + after[0], before[1] + h + after[1], before[2] + w + after[2]];
  return uncrop(volume, { start: before, end: [before[0] + d, before[1] + h, before[2] + w] }, shape, fill);
}

/**
 * Pad to at least a shape, centred: floor of half the missing voxels in front, the rest behind.
 *
 * @param volume - `[channels, D, H, W]`.
 * @param shape - smallest wanted size, `[D, H, W]`; longer axes stay.
 * @param fill - value of the added voxels, default 0.
 * @returns the volume and the box the original fills in it (for `cropToBox`).
 */
export function padToShape<A extends VoxelArray>(
  volume: Volume<A>,
  shape: Triple,
  fill = 0,
): { volume: Volume<A>; box: Box } {
  const missing = shape.map((n, i) => Math.max(0, n - volume.shape[i]!));
  const before = missing.map((n) => Math.floor(n / 2)) as [number, number, number];
  const after = missing.map((n, i) => n - before[i]!) as [number, number, number];
  const [d, h, w] = volume.shape;
  return {
    volume: pad(volume, before, after, fill),
    box: { start: before, end: [before[0] + d, before[1] + h, before[2] + w] },
  };
}

/** Result of `cropToNonZero`. */
export interface NonZeroCrop<A extends VoxelArray> {
  /** The image inside the box. */
  readonly image: Volume<A>;
  /**
   * Labels inside the box, one channel: -1 where the label is 0 and the image is empty, else the label. Without a label
   * given: 0 inside the mask, -1 outside. int8, or the smallest signed type that holds the labels.
   */
  readonly label: Volume<Int8Array | Int16Array | Int32Array>;
  /** Box in the input; pass it to `uncrop` with `originalShape`. */
  readonly box: Box;
  readonly originalShape: Triple;
}

/**
 * nnU-Net's crop: to the tight box around the voxels where any channel is non-zero, holes filled; an empty image is kept whole.
 *
 * @param image - `[channels, D, H, W]`.
 * @param label - optional label map on the same grid, one channel.
 * @throws GeometryError when image and label differ in shape.
 */
export function cropToNonZero<A extends VoxelArray>(image: Volume<A>, label?: Volume): NonZeroCrop<A> {
  const mask = nonZeroMask(image);
  if (label !== undefined) {
    assertVolume(label, 'cropToNonZero');
    assertSameShape(image, label, 'cropToNonZero');
    if (label.channels !== 1)
      throw new GeometryError(`cropToNonZero: label has ${label.channels} channels; pass a label map with one`);
  }
  const box = boundingBox(mask, image.shape) ?? { start: [0, 0, 0], end: image.shape };
  const shape = boxShape(box);
  const n = shape[0] * shape[1] * shape[2];
  const inside = new Uint8Array(n);
  copyBlock(mask, image.shape, box.start, inside, shape, [0, 0, 0], shape, 1);
  const cropped = cropToBox(image, box);
  const values = label === undefined ? new Int32Array(n) : convertVoxels(cropToBox(label, box).data, 'int32');
  let high = 0;
  let low = 0;
  for (let i = 0; i < n; i++) {
    const v = values[i]!;
    if (v > high) high = v;
    if (v < low) low = v;
  }
  const marked =
    high <= 127 && low >= -128
      ? new Int8Array(n)
      : high <= 32767 && low >= -32768
        ? new Int16Array(n)
        : new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const v = values[i]!;
    marked[i] = v === 0 && inside[i] === 0 ? -1 : v;
  }
  return {
    image: cropped,
    label: { data: marked, channels: 1, shape, spacing: cropped.spacing, affine: cropped.affine },
    box,
    originalShape: image.shape,
  };
}

/** The affine of a grid whose voxel 0 is `start` of the old one. */
function shiftedAffine(affine: Affine, start: Triple): Affine {
  const out = affine.slice();
  const [x, y, z] = voxelToWorld(affine, start);
  out[3] = x;
  out[7] = y;
  out[11] = z;
  return out;
}

function assertBox(box: Box, shape: Triple, where: string): void {
  for (let a = 0; a < 3; a++) {
    const from = box.start[a]!;
    const to = box.end[a]!;
    if (Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && to > from && to <= shape[a]!) continue;
    throw new GeometryError(
      `${where}: box [${box.start.join(', ')}] to [${box.end.join(', ')}] is empty or leaves the volume [${shape.join(', ')}] (axis ${a}); clip it first`,
    );
  }
}

function fillVoxels(data: VoxelArray, value: number): void {
  if (value === 0) return;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) data.fill(BigInt(value));
  else data.fill(value);
}

/** Copy a block of rows between two grids, all channels. */
function copyBlock<A extends VoxelArray>(
  source: A,
  sourceShape: Triple,
  sourceStart: Triple,
  target: A,
  targetShape: Triple,
  targetStart: Triple,
  size: Triple,
  channels: number,
): void {
  const [nd, nh, nw] = size;
  const sourceChannel = sourceShape[0] * sourceShape[1] * sourceShape[2];
  const targetChannel = targetShape[0] * targetShape[1] * targetShape[2];
  for (let c = 0; c < channels; c++) {
    for (let d = 0; d < nd; d++) {
      for (let h = 0; h < nh; h++) {
        const from =
          c * sourceChannel +
          ((sourceStart[0] + d) * sourceShape[1] + sourceStart[1] + h) * sourceShape[2] +
          sourceStart[2];
        const to =
          c * targetChannel +
          ((targetStart[0] + d) * targetShape[1] + targetStart[1] + h) * targetShape[2] +
          targetStart[2];
        // Both arrays have one type, which the compiler cannot see through the union.
        (target as Uint8Array).set((source as Uint8Array).subarray(from, from + nw), to);
      }
    }
  }
}
