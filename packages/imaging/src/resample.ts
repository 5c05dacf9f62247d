/**
 * Resampling volumes to another grid over the same field of view: images by linear or cubic B-spline interpolation, label
 * maps class by class. Follows nnU-Net's rules, including the separate treatment of thick slices. No anti-aliasing, no
 * rotation, no resampling onto another volume's grid.
 *
 * Memory: float64 copies of one channel; label maps are done in one pass without a copy per label.
 *
 * Source: Isensee et al. 2021 (doi 10.1038/s41592-020-01008-z), resampling strategy.
 */
import { multiplyAffines, spacingFromAffine } from './affine.js';
import { sameTypeVoxels, toNumberVoxels } from './dtype.js';
import { ArgumentError } from './errors.js';
import { assertVolume } from './make-volume.js';
import { interpolateAxis, linearTaps, nearestIndex } from './resample-kernel.js';
import type { InterpolationOrder, NumericArray } from './resample-kernel.js';
import type { Affine, Triple, Volume, VoxelArray } from './volume.js';

/** Options of the resampling functions. */
export interface ResampleOptions {
  /**
   * Interpolation within slices (or in all axes): 3 cubic B-spline (default), 1 linear, 0 nearest. Cubic results are clamped to
   * the range of the input, all results stay within it.
   */
  readonly order?: InterpolationOrder;
  /**
   * Thick slices: `auto` (default) interpolates within slices alone and takes the nearest slice across when one axis is more
   * than three times coarser than the finest, before or after; true and false force it.
   */
  readonly separateZ?: 'auto' | boolean;
  /** Spacing that decides `auto` for the new grid, mm `[D, H, W]`. Default: that of the new grid. */
  readonly newSpacing?: Triple;
}

/** Largest ratio of voxel edges that still counts as isotropic enough. */
const ANISOTROPY_THRESHOLD = 3;

/** Round half to even, as Python and C `rint` do. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Shape that a volume gets at a new spacing: old spacing / new spacing * shape, rounded half to even, at least 1.
 *
 * @param shape - `[D, H, W]`.
 * @param spacing - mm, `[D, H, W]`.
 * @param newSpacing - mm, `[D, H, W]`.
 */
export function shapeForSpacing(shape: Triple, spacing: Triple, newSpacing: Triple): Triple {
  const along = (axis: 0 | 1 | 2): number => {
    if (!(newSpacing[axis] > 0))
      throw new ArgumentError('newSpacing', 'three numbers > 0', `[${newSpacing.join(', ')}]`);
    return Math.max(1, roundHalfEven((spacing[axis] / newSpacing[axis]) * shape[axis]));
  };
  return [along(0), along(1), along(2)];
}

/**
 * The axis to treat separately, or `undefined` when none: the coarsest axis of the current spacing when it is more than three
 * times the finest; else the same question for the new spacing. An axis tied for coarsest is never separated.
 *
 * @param current - mm, `[D, H, W]`.
 * @param next - mm, `[D, H, W]`.
 * @param force - true: the coarsest axis of the current spacing whatever the ratio; false: none.
 */
export function separateAxis(current: Triple, next: Triple, force: 'auto' | boolean = 'auto'): 0 | 1 | 2 | undefined {
  if (force === false) return undefined;
  if (force === true || isAnisotropic(current)) return coarsestAxis(current);
  if (isAnisotropic(next)) return coarsestAxis(next);
  return undefined;
}

function isAnisotropic(spacing: Triple): boolean {
  return Math.max(...spacing) / Math.min(...spacing) > ANISOTROPY_THRESHOLD;
}

function coarsestAxis(spacing: Triple): 0 | 1 | 2 | undefined {
  const largest = Math.max(...spacing);
  const first = spacing.indexOf(largest);
  return spacing.indexOf(largest, first + 1) === -1 ? (first as 0 | 1 | 2) : undefined;
}

/**
 * Resample an image to a shape over the same field of view.
 *
 * @param volume - `[channels, D, H, W]`; channels are done one by one.
 * @param shape - new size, `[D, H, W]`.
 * @param options - order, thick slices.
 * @returns float32 (float64 for float64 input), with the affine of the new grid; the same volume, converted, when the shape is equal.
 * @throws ArgumentError for a shape that is not positive integers.
 */
export function resampleToShape(
  volume: Volume,
  shape: Triple,
  options: ResampleOptions = {},
): Volume<Float32Array | Float64Array> {
  assertVolume(volume, 'resampleToShape');
  assertShape(shape);
  const source = toNumberVoxels(volume.data);
  const wide = volume.data instanceof Float64Array;
  const perOutput = shape[0] * shape[1] * shape[2];
  const data = wide ? new Float64Array(volume.channels * perOutput) : new Float32Array(volume.channels * perOutput);
  const geometry = newGrid(volume, shape);
  if (shape.every((n, i) => n === volume.shape[i])) {
    data.set(source);
  } else {
    const perInput = volume.shape[0] * volume.shape[1] * volume.shape[2];
    const axis = separateAxis(volume.spacing, options.newSpacing ?? geometry.spacing, options.separateZ);
    for (let c = 0; c < volume.channels; c++) {
      const channel = source.subarray(c * perInput, (c + 1) * perInput);
      data.set(resampleChannel(channel, volume.shape, shape, options.order ?? 3, axis), c * perOutput);
    }
  }
  return { data, channels: volume.channels, shape, ...geometry };
}

/**
 * Resample an image to a spacing. The new shape is rounded (`shapeForSpacing`), the field of view is kept, so the spacing of
 * the result may differ a little from the one asked for.
 *
 * @param volume - `[channels, D, H, W]`.
 * @param spacing - wanted mm, `[D, H, W]`.
 * @param options - order, thick slices.
 */
export function resampleToSpacing(
  volume: Volume,
  spacing: Triple,
  options: ResampleOptions = {},
): Volume<Float32Array | Float64Array> {
  assertVolume(volume, 'resampleToSpacing');
  return resampleToShape(volume, shapeForSpacing(volume.shape, volume.spacing, spacing), {
    newSpacing: spacing,
    ...options,
  });
}

/** Options of `resampleLabels`. */
export type ResampleLabelsOptions = Omit<ResampleOptions, 'order'>;

/**
 * Resample a label map to a shape over the same field of view. Each label's 0/1 mask is interpolated linearly; a voxel takes
 * the highest label that reaches one half, and 0 where none does.
 *
 * @param volume - integer labels of any type (negative ones too), any channels.
 * @param shape - new size, `[D, H, W]`.
 * @param options - thick slices.
 * @returns the same voxel type, with the affine of the new grid.
 */
export function resampleLabels<A extends VoxelArray>(
  volume: Volume<A>,
  shape: Triple,
  options: ResampleLabelsOptions = {},
): Volume<A> {
  assertVolume(volume, 'resampleLabels');
  assertShape(shape);
  const geometry = newGrid(volume, shape);
  const perOutput = shape[0] * shape[1] * shape[2];
  const perInput = volume.shape[0] * volume.shape[1] * volume.shape[2];
  const data = sameTypeVoxels(volume.data, volume.channels * perOutput);
  const axis = separateAxis(volume.spacing, options.newSpacing ?? geometry.spacing, options.separateZ);
  for (let c = 0; c < volume.channels; c++) {
    const source = volume.data.subarray(c * perInput, (c + 1) * perInput) as A;
    const target = data.subarray(c * perOutput, (c + 1) * perOutput) as A;
    resampleLabelChannel(source as Int32Array, volume.shape, target as Int32Array, shape, axis);
  }
  return { data, channels: volume.channels, shape, ...geometry };
}

/** The affine and spacing of a grid of another shape over the same field of view. */
function newGrid(volume: Volume, shape: Triple): { affine: Affine; spacing: Triple } {
  if (shape.every((n, i) => n === volume.shape[i])) return { affine: volume.affine, spacing: volume.spacing };
  const map = new Float64Array(16);
  map[15] = 1;
  for (let fileAxis = 0; fileAxis < 3; fileAxis++) {
    const zoom = volume.shape[2 - fileAxis]! / shape[2 - fileAxis]!;
    map[fileAxis * 5] = zoom;
    map[fileAxis * 4 + 3] = 0.5 * zoom - 0.5;
  }
  const affine = multiplyAffines(volume.affine, map);
  return { affine, spacing: spacingFromAffine(affine) };
}

/** One channel in float64: interpolate the axes that change, then clamp to the range of the input (of the slice, when separated). */
function resampleChannel(
  source: NumericArray,
  shape: Triple,
  newShape: Triple,
  order: InterpolationOrder,
  separated: 0 | 1 | 2 | undefined,
): NumericArray {
  const changing = ([0, 1, 2] as const).filter((axis) => axis !== separated && shape[axis] !== newShape[axis]);
  // Axes that shrink most come first: less to do for the others.
  changing.sort((a, b) => newShape[a] / shape[a] - newShape[b] / shape[b]);
  let data: NumericArray = source;
  let size: Triple = shape;
  for (const axis of changing) {
    data = interpolateAxis(data, size, axis, newShape[axis], order);
    size = size.map((n, a) => (a === axis ? newShape[axis] : n)) as unknown as Triple;
  }
  if (changing.length > 0 && order === 3) {
    clampToSource(data as Float64Array, size, source, shape, separated);
  }
  if (separated !== undefined && shape[separated] !== newShape[separated]) {
    data = interpolateAxis(data, size, separated, newShape[separated], 0);
  }
  return data;
}

/** Clamp to [min, max] of the source; with a separated axis, slice by slice. Only axes other than the separated one have changed. */
function clampToSource(
  data: Float64Array,
  size: Triple,
  source: NumericArray,
  shape: Triple,
  separated: 0 | 1 | 2 | undefined,
): void {
  const slices = separated === undefined ? 1 : shape[separated];
  const low = new Float64Array(slices).fill(Infinity);
  const high = new Float64Array(slices).fill(-Infinity);
  const visit = (extent: Triple, use: (start: number, end: number, slice: number) => void): void => {
    const row = extent[2];
    for (let d = 0, at = 0; d < extent[0]; d++) {
      for (let h = 0; h < extent[1]; h++, at += row) {
        if (separated === 2) for (let w = 0; w < row; w++) use(at + w, at + w + 1, w);
        else use(at, at + row, separated === 0 ? d : separated === 1 ? h : 0);
      }
    }
  };
  visit(shape, (start, end, slice) => {
    let a = low[slice]!;
    let b = high[slice]!;
    for (let i = start; i < end; i++) {
      const v = source[i]!;
      if (v < a) a = v;
      if (v > b) b = v;
    }
    low[slice] = a;
    high[slice] = b;
  });
  visit(size, (start, end, slice) => {
    const a = low[slice]!;
    const b = high[slice]!;
    for (let i = start; i < end; i++) {
      const v = data[i]!;
      if (v < a) data[i] = a;
      else if (v > b) data[i] = b;
    }
  });
}

/**
 * One pass over the outputs. The eight neighbours' weights are added up per label, in the order in which a separate linear
 * interpolation of each label's mask would add them, so ties at one half fall the same way.
 */
function resampleLabelChannel(
  source: Int32Array,
  shape: Triple,
  target: Int32Array,
  newShape: Triple,
  separated: 0 | 1 | 2 | undefined,
): void {
  const tables = ([0, 1, 2] as const).map((axis) => {
    const table = linearTaps(shape[axis], newShape[axis]);
    if (axis !== separated) return table;
    // Nearest across slices: the first tap has it all.
    const near = nearestIndex(shape[axis], newShape[axis]);
    near.forEach((from, o) => {
      table.index[2 * o] = from;
      table.index[2 * o + 1] = from;
      table.weight[2 * o] = 1;
      table.weight[2 * o + 1] = 0;
    });
    return table;
  });
  const [td, th, tw] = tables as [(typeof tables)[0], (typeof tables)[0], (typeof tables)[0]];
  const strideD = shape[1] * shape[2];
  const strideH = shape[2];
  const [nd, nh, nw] = newShape;
  // 64-bit labels come through here as bigints; the arithmetic below touches weights alone, so only this zero needs care.
  const zero = (typeof source[0] === 'bigint' ? 0n : 0) as number;
  const at = new Float64Array(4);
  const base = new Float64Array(4);
  const label: number[] = new Array<number>(8).fill(0);
  const score = new Float64Array(8);
  let o = 0;
  for (let d = 0; d < nd; d++) {
    for (let h = 0; h < nh; h++) {
      for (let k = 0; k < 4; k++) {
        const kd = 2 * d + (k >> 1);
        const kh = 2 * h + (k & 1);
        at[k] = td.index[kd]! * strideD + th.index[kh]! * strideH;
        base[k] = td.weight[kd]! * th.weight[kh]!;
      }
      const at0 = at[0]!;
      const at1 = at[1]!;
      const at2 = at[2]!;
      const at3 = at[3]!;
      for (let w = 0; w < nw; w++, o++) {
        const w0 = tw.index[2 * w]!;
        const w1 = tw.index[2 * w + 1]!;
        const first = source[at0 + w0]!;
        // Inside a structure all eight agree; this is nearly every voxel.
        if (
          source[at0 + w1] === first &&
          source[at1 + w0] === first &&
          source[at1 + w1] === first &&
          source[at2 + w0] === first &&
          source[at2 + w1] === first &&
          source[at3 + w0] === first &&
          source[at3 + w1] === first
        ) {
          target[o] = first;
          continue;
        }
        const f0 = tw.weight[2 * w]!;
        const f1 = tw.weight[2 * w + 1]!;
        let found = 0;
        for (let k = 0; k < 8; k++) {
          const value = source[at[k >> 1]! + (k & 1 ? w1 : w0)]!;
          const weight = base[k >> 1]! * (k & 1 ? f1 : f0);
          let j = 0;
          while (j < found && label[j] !== value) j++;
          if (j === found) {
            label[j] = value;
            score[j] = 0;
            found++;
          }
          score[j]! += weight;
        }
        let winner = zero;
        let none = true;
        for (let j = 0; j < found; j++) {
          if (score[j]! >= 0.5 && (none || label[j]! > winner)) {
            winner = label[j]!;
            none = false;
          }
        }
        target[o] = winner;
      }
    }
  }
}

function assertShape(shape: Triple): void {
  if (shape.every((n) => Number.isSafeInteger(n) && n >= 1)) return;
  throw new ArgumentError('shape', 'three positive integers [D, H, W]', `[${shape.join(', ')}]`);
}
