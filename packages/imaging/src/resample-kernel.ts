/**
 * One-dimensional interpolation along an axis of a raw array: the numerics of resample.ts, without volumes or policies.
 * Output o of n samples the N inputs at x = (o + 0.5) N/n - 0.5 (voxel edges meet voxel edges); beyond the ends the edge
 * value continues. Interpolation is separable, so a volume is done axis after axis, all in float64.
 *
 * Sources: Unser 1999, "Splines: a perfect fit for signal and image processing" (doi 10.1109/79.799930) for the recursive
 * prefilter; the conventions (12 samples of padding, half-sample reflection) are those of SciPy's `ndimage.zoom` with
 * `grid_mode=True, mode="nearest"`, against whose numbers the tests compare.
 */
import type { Triple } from './volume.js';

/** Degree of interpolation: 0 nearest, 1 linear, 3 interpolating cubic B-spline. */
export type InterpolationOrder = 0 | 1 | 3;

/** Any array that can be read as numbers. */
export type NumericArray = Exclude<ArrayLike<number>, string>;

/** Samples added at both ends before the spline prefilter; the pole's 12th power is 1.4e-7. */
const SPLINE_PADDING = 12;
/** Pole of the cubic B-spline's inverse filter. */
const POLE = Math.sqrt(3) - 2;
/** POLE^30 is 7e-18: further terms of the first coefficient vanish in float64. */
const START_TERMS = 30;
/** Lines filtered together, so that the recursion runs over contiguous lanes. */
const LANES = 32;

/** Where each output takes its inputs from: `taps` indices and weights per output. */
export interface TapTable {
  readonly taps: number;
  readonly index: Int32Array;
  readonly weight: Float64Array;
}

/**
 * Taps of linear interpolation with the coordinate clamped to the grid.
 *
 * @param inputs - N, number of input samples.
 * @param outputs - n, number of output samples.
 */
export function linearTaps(inputs: number, outputs: number): TapTable {
  const index = new Int32Array(2 * outputs);
  const weight = new Float64Array(2 * outputs);
  const zoom = inputs / outputs;
  for (let o = 0; o < outputs; o++) {
    const x = Math.min(Math.max((o + 0.5) * zoom - 0.5, 0), inputs - 1);
    const base = Math.floor(x);
    const t = x - base;
    index[2 * o] = base;
    index[2 * o + 1] = Math.min(base + 1, inputs - 1);
    weight[2 * o] = 1 - t;
    weight[2 * o + 1] = t;
  }
  return { taps: 2, index, weight };
}

/** Index of the nearest input of each output, halves rounded up. */
export function nearestIndex(inputs: number, outputs: number): Int32Array {
  const index = new Int32Array(outputs);
  const zoom = inputs / outputs;
  for (let o = 0; o < outputs; o++) {
    const x = (o + 0.5) * zoom - 0.5;
    index[o] = Math.min(Math.max(Math.floor(x + 0.5), 0), inputs - 1);
  }
  return index;
}

/** Taps into the padded coefficients of a cubic spline. */
function cubicTaps(inputs: number, outputs: number): TapTable {
  const index = new Int32Array(4 * outputs);
  const weight = new Float64Array(4 * outputs);
  const zoom = inputs / outputs;
  for (let o = 0; o < outputs; o++) {
    const x = (o + 0.5) * zoom - 0.5 + SPLINE_PADDING;
    const base = Math.floor(x);
    const t = x - base;
    const s = 1 - t;
    for (let k = 0; k < 4; k++) index[4 * o + k] = base - 1 + k;
    weight[4 * o] = (s * s * s) / 6;
    weight[4 * o + 1] = (4 - 6 * t * t + 3 * t * t * t) / 6;
    weight[4 * o + 2] = (4 - 6 * s * s + 3 * s * s * s) / 6;
    weight[4 * o + 3] = (t * t * t) / 6;
  }
  return { taps: 4, index, weight };
}

/**
 * Interpolate along one axis.
 *
 * @param source - `[D, H, W]`.
 * @param shape - of the source.
 * @param axis - 0 = D, 1 = H, 2 = W.
 * @param outputs - new length of that axis.
 * @param order - of the interpolation.
 * @returns a new array with that axis changed, float64.
 */
export function interpolateAxis(
  source: NumericArray,
  shape: Triple,
  axis: 0 | 1 | 2,
  outputs: number,
  order: InterpolationOrder,
): Float64Array {
  const inputs = shape[axis];
  const strides = [shape[1] * shape[2], shape[2], 1];
  const newShape = shape.map((n, a) => (a === axis ? outputs : n));
  const newStrides = [newShape[1]! * newShape[2]!, newShape[2]!, 1];
  const out = new Float64Array(newShape[0]! * newShape[1]! * newShape[2]!);

  // The two axes that stay, the faster one inside: `LANES` neighbouring lines share one pass.
  const [outer, inner] = ([0, 1, 2] as const).filter((a) => a !== axis) as [0 | 1 | 2, 0 | 1 | 2];
  const stride = strides[axis]!;
  const newStride = newStrides[axis]!;
  const spline = order === 3;
  const padding = spline ? SPLINE_PADDING : 0;
  const length = inputs + 2 * padding;
  const table =
    order === 3 ? cubicTaps(inputs, outputs) : order === 1 ? linearTaps(inputs, outputs) : nearestTaps(inputs, outputs);
  const { taps, index, weight } = table;
  const lanes = Math.min(LANES, shape[inner]);
  const line = new Float64Array(length * lanes);
  const sums = new Float64Array(lanes);
  const innerStride = strides[inner]!;
  const newInnerStride = newStrides[inner]!;

  for (let p = 0; p < shape[outer]; p++) {
    for (let q = 0; q < shape[inner]; q += lanes) {
      const width = Math.min(lanes, shape[inner] - q);
      const from = p * strides[outer]! + q * innerStride;
      const to = p * newStrides[outer]! + q * newInnerStride;
      for (let i = 0; i < length; i++) {
        const at = from + Math.min(Math.max(i - padding, 0), inputs - 1) * stride;
        const row = i * width;
        for (let l = 0; l < width; l++) line[row + l] = source[at + l * innerStride]!;
      }
      if (spline) prefilter(line, length, width);
      for (let o = 0; o < outputs; o++) {
        sums.fill(0, 0, width);
        for (let k = 0; k < taps; k++) {
          const f = weight[o * taps + k]!;
          const row = index[o * taps + k]! * width;
          for (let l = 0; l < width; l++) sums[l]! += f * line[row + l]!;
        }
        const at = to + o * newStride;
        for (let l = 0; l < width; l++) out[at + l * newInnerStride] = sums[l]!;
      }
    }
  }
  return out;
}

function nearestTaps(inputs: number, outputs: number): TapTable {
  return { taps: 1, index: nearestIndex(inputs, outputs), weight: new Float64Array(outputs).fill(1) };
}

/**
 * Samples to B-spline coefficients, in place, `width` interleaved lines of `length` samples. Causal then anticausal recursion;
 * the signal is continued by reflection about its outer sample edges.
 */
function prefilter(line: Float64Array, length: number, width: number): void {
  const total = length * width;
  for (let i = 0; i < total; i++) line[i]! *= 6;
  // First coefficient: sum of z^k v[k-th sample of the reflected past]; half-sample reflection repeats sample 0.
  for (let l = 0; l < width; l++) {
    let sum = line[l]!;
    let power = POLE;
    for (let k = 1; k <= START_TERMS; k++) {
      const i = reflect(-k, length);
      sum += power * line[i * width + l]!;
      power *= POLE;
    }
    line[l] = sum;
  }
  for (let i = width; i < total; i++) line[i]! += POLE * line[i - width]!;
  const last = total - width;
  for (let l = 0; l < width; l++) line[last + l]! *= POLE / (POLE - 1);
  for (let i = last - 1; i >= 0; i--) line[i] = POLE * (line[i + width]! - line[i]!);
}

/** Half-sample reflection: ..., 1, 0 | 0, 1, ..., n-1 | n-1, n-2, ... */
function reflect(i: number, n: number): number {
  const period = 2 * n;
  const m = ((i % period) + period) % period;
  return m < n ? m : period - 1 - m;
}
