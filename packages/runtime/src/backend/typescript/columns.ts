/**
 * Columns: for one output voxel, the input values that its kernel covers, zeros where it reaches over the border. All
 * convolutions of this backend multiply blocks of columns with weights, so strides, dilation, padding, groups and input
 * pieces are dealt with here and nowhere else. A block of columns lies as [column / 4][k][column % 4] in float64, with
 * k = (tap, channel), taps in D, H, W order.
 *
 * A transposed convolution is seen as prod(stride) ordinary ones, one for each residue of the output index: within a
 * residue the taps that reach it are the same everywhere and neighbours read neighbouring input.
 */

import type { HostArray } from '../../graph/dtype.js';
import { triple, type Triple } from '../reference/loops.js';

/** One axis of the outputs of one residue. */
export interface AxisTaps {
  /** Outputs along the axis: outStart + m * outStep for m < count. */
  readonly count: number;
  readonly outStart: number;
  readonly outStep: number;
  /** Output m reads input m * srcStep + offset for every tap. */
  readonly srcStep: number;
  readonly offsets: readonly number[];
  /** Position of every tap in the packed weights; ascending. */
  readonly taps: readonly number[];
}

/** One residue: the product of three axes. */
export type TapBox = readonly [AxisTaps, AxisTaps, AxisTaps];

export interface ConvGeometry {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padBefore: readonly number[];
  readonly dilation: readonly number[];
}

/** The single box of an ordinary convolution with outputs of `outSize`. */
export function forwardBox(a: ConvGeometry, outSize: Triple): TapBox {
  const kernel = triple(a.kernel, 1);
  const stride = triple(a.stride, 1);
  const pad = triple(a.padBefore, 0);
  const dilation = triple(a.dilation, 1);
  const axis = (i: 0 | 1 | 2): AxisTaps => {
    const taps = Array.from({ length: kernel[i] }, (_, t) => t);
    return {
      count: outSize[i],
      outStart: 0,
      outStep: 1,
      srcStep: stride[i],
      taps,
      offsets: taps.map((t) => t * dilation[i] - pad[i]),
    };
  };
  return [axis(0), axis(1), axis(2)];
}

/** All boxes of a transposed convolution whose result has `outSize`; taps are mirrored, as its packed weights are. */
export function transposedBoxes(a: ConvGeometry, outSize: Triple): readonly TapBox[] {
  const kernel = triple(a.kernel, 1);
  const stride = triple(a.stride, 1);
  const pad = triple(a.padBefore, 0);
  const dilation = triple(a.dilation, 1);
  const axis = (i: 0 | 1 | 2): AxisTaps[] =>
    Array.from({ length: Math.min(stride[i], outSize[i]) }, (_, residue) => {
      const taps: number[] = [];
      const offsets: number[] = [];
      for (let mirrored = 0; mirrored < kernel[i]; mirrored++) {
        const reach = residue + pad[i] - (kernel[i] - 1 - mirrored) * dilation[i];
        if (reach % stride[i] !== 0) continue;
        taps.push(mirrored);
        offsets.push(reach / stride[i]);
      }
      return {
        count: Math.ceil((outSize[i] - residue) / stride[i]),
        outStart: residue,
        outStep: stride[i],
        srcStep: 1,
        taps,
        offsets,
      };
    });
  return axis(0).flatMap((z) => axis(1).flatMap((y) => axis(2).map((x): TapBox => [z, y, x])));
}

/** Outputs of a box in one sample. */
export function boxColumns([z, y, x]: TapBox): number {
  return z.count * y.count * x.count;
}

/** Taps of a box. */
export function boxTaps([z, y, x]: TapBox): number {
  return z.taps.length * y.taps.length * x.taps.length;
}

/** The input of a convolution: pieces whose channels add up. */
export interface ColumnSource {
  readonly pieces: readonly { readonly data: HostArray; readonly channels: number }[];
  readonly size: Triple;
}

/** Which part of the columns: channels first ... first + count - 1 of the source, rows kBegin ... kEnd - 1 of taps x channels. */
export interface ColumnRows {
  readonly firstChannel: number;
  readonly channels: number;
  readonly kBegin: number;
  readonly kEnd: number;
}

/**
 * Gather columns m ... m + count - 1 of a box (over all samples) into `target` at `begin`; up to three columns of zeros
 * are added to fill the last four. Rows lie `kStride` apart in multiples of four columns.
 */
export function gatherColumns(
  source: ColumnSource,
  [az, ay, ax]: TapBox,
  rows: ColumnRows,
  m: number,
  count: number,
  target: Float64Array,
  begin: number,
  kStride: number,
): void {
  const [depth, height, width] = source.size;
  const { kBegin, kEnd, channels, firstChannel } = rows;
  const tapsX = ax.taps.length;
  const rowLength = tapsX * channels;
  const only =
    source.pieces.length === 1 && source.pieces[0]!.channels === channels
      ? (source.pieces[0]!.data as Float32Array)
      : undefined;
  const adjacent = ax.offsets.every((o, i) => i === 0 || o === ax.offsets[i - 1]! + 1);
  const firstX = ax.offsets[0] ?? 0;
  const lastX = ax.offsets[tapsX - 1] ?? 0;
  let x = m % ax.count;
  let rest = (m - x) / ax.count;
  let y = rest % ay.count;
  rest = (rest - y) / ay.count;
  let z = rest % az.count;
  let n = (rest - z) / az.count;
  for (let p = 0; p < count; p++) {
    const column = begin + (p >> 2) * kStride * 4 + (p & 3);
    const baseX = x * ax.srcStep;
    const whole = only !== undefined && adjacent && baseX + firstX >= 0 && baseX + lastX < width;
    let k = 0;
    for (let tz = 0; tz < az.offsets.length; tz++) {
      const iz = z * az.srcStep + az.offsets[tz]!;
      for (let ty = 0; ty < ay.offsets.length; ty++, k += rowLength) {
        if (k + rowLength <= kBegin || k >= kEnd) continue;
        const iy = y * ay.srcStep + ay.offsets[ty]!;
        if (iz < 0 || iz >= depth || iy < 0 || iy >= height) {
          const low = Math.max(k, kBegin);
          clearRun(target, column + (low - kBegin) * 4, Math.min(k + rowLength, kEnd) - low);
          continue;
        }
        const row = ((n * depth + iz) * height + iy) * width;
        if (whole) {
          const low = Math.max(k, kBegin);
          const from = (row + baseX + firstX) * channels + (low - k);
          copyRun(only, from, target, column + (low - kBegin) * 4, Math.min(k + rowLength, kEnd) - low);
          continue;
        }
        for (let tx = 0, kk = k; tx < tapsX; tx++, kk += channels) {
          const low = Math.max(kk, kBegin);
          const length = Math.min(kk + channels, kEnd) - low;
          if (length <= 0) continue;
          const ix = baseX + ax.offsets[tx]!;
          const to = column + (low - kBegin) * 4;
          if (ix < 0 || ix >= width) clearRun(target, to, length);
          else if (only) copyRun(only, (row + ix) * channels + (low - kk), target, to, length);
          else copyPieces(source, row + ix, firstChannel + (low - kk), target, to, length);
        }
      }
    }
    if (++x === ax.count) {
      x = 0;
      if (++y === ay.count) {
        y = 0;
        if (++z === az.count) {
          z = 0;
          n++;
        }
      }
    }
  }
  for (let p = count; (p & 3) !== 0; p++) clearRun(target, begin + (p >> 2) * kStride * 4 + (p & 3), kEnd - kBegin);
}

function copyRun(source: Float32Array, from: number, target: Float64Array, to: number, length: number): void {
  for (let i = 0; i < length; i++) target[to + i * 4] = source[from + i]!;
}

function clearRun(target: Float64Array, to: number, length: number): void {
  for (let i = 0; i < length; i++) target[to + i * 4] = 0;
}

/** Channels `first` ... `first + length - 1` of a voxel, which may lie in several pieces. */
function copyPieces(
  source: ColumnSource,
  voxel: number,
  first: number,
  target: Float64Array,
  to: number,
  length: number,
): void {
  let [skip, left, next] = [first, length, to];
  for (const { data, channels } of source.pieces) {
    if (left <= 0) return;
    const begin = Math.min(skip, channels);
    const run = Math.min(channels - begin, left);
    if (run > 0) copyRun(data as Float32Array, voxel * channels + begin, target, next, run);
    skip -= begin;
    left -= run;
    next += run * 4;
  }
}

/**
 * Offsets in the result (of `channels` channels) of the first channel of columns m ... m + count - 1 of a box.
 */
export function columnPositions(
  [az, ay, ax]: TapBox,
  outSize: Triple,
  channels: number,
  m: number,
  count: number,
  target: Float64Array,
): void {
  const [depth, height, width] = outSize;
  let x = m % ax.count;
  let rest = (m - x) / ax.count;
  let y = rest % ay.count;
  rest = (rest - y) / ay.count;
  let z = rest % az.count;
  let n = (rest - z) / az.count;
  const startRow = (): number =>
    ((n * depth + az.outStart + z * az.outStep) * height + ay.outStart + y * ay.outStep) * width + ax.outStart;
  let row = startRow();
  for (let p = 0; p < count; p++) {
    target[p] = (row + x * ax.outStep) * channels;
    if (++x < ax.count) continue;
    x = 0;
    if (++y === ay.count) {
      y = 0;
      if (++z === az.count) {
        z = 0;
        n++;
      }
    }
    row = startRow();
  }
}
