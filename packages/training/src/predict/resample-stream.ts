/**
 * Linear resampling of scores, plane by plane: planes of the network's grid go in, planes of the image's grid come out as
 * soon as they are known. Two planes are kept, whatever the depth. Not for images or label maps (@revoxel/imaging).
 *
 * Positions are those of voxel centres, x = (o + 0.5) * inputs / outputs - 0.5, clamped at the borders. An axis of thick
 * slices takes the nearest plane instead, as nnU-Net does for scores.
 *
 * Source: nnU-Net's export of predictions (Isensee et al. 2021).
 */
import type { Triple } from '@revoxel/imaging';
import { DataArgumentError } from '../data/errors.js';

/** For every output index of an axis: two input indices and the weight of the second. */
export interface AxisTable {
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly weight: Float64Array;
}

/** Sampling table of one axis. With `nearest`, index floor(x + 0.5) alone. */
export function axisTable(inputs: number, outputs: number, nearest = false): AxisTable {
  const low = new Int32Array(outputs);
  const high = new Int32Array(outputs);
  const weight = new Float64Array(outputs);
  for (let o = 0; o < outputs; o++) {
    const x = Math.min(Math.max(((o + 0.5) * inputs) / outputs - 0.5, 0), inputs - 1);
    if (nearest) {
      low[o] = high[o] = Math.min(Math.floor(x + 0.5), inputs - 1);
    } else {
      low[o] = Math.floor(x);
      high[o] = Math.min(low[o]! + 1, inputs - 1);
      weight[o] = x - low[o]!;
    }
  }
  return { low, high, weight };
}

/** Takes planes in order and gives resampled planes in order. */
export class ResampleStream {
  readonly #inputs: Triple;
  readonly #outputs: Triple;
  readonly #classes: number;
  readonly #emit: (plane: Float32Array, index: number) => void;
  readonly #tables: readonly AxisTable[];
  /** The last two planes taken, resampled within the plane, `[classes, H, W]` of the output grid. */
  #previous: Float32Array;
  #current: Float32Array;
  readonly #blended: Float32Array;
  #taken = 0;
  #given = 0;

  /**
   * @param inputs - shape of the planes' grid, `[D, H, W]`.
   * @param outputs - shape wanted, `[D, H, W]`.
   * @param classes - channels.
   * @param emit - receives `[classes, H, W]` for each output plane in order; the array is reused for the next.
   * @param nearestAxis - axis of thick slices, if any.
   */
  constructor(
    inputs: Triple,
    outputs: Triple,
    classes: number,
    emit: (plane: Float32Array, index: number) => void,
    nearestAxis?: 0 | 1 | 2,
  ) {
    this.#inputs = inputs;
    this.#outputs = outputs;
    this.#classes = classes;
    this.#emit = emit;
    this.#tables = inputs.map((n, axis) => axisTable(n, outputs[axis]!, axis === nearestAxis));
    const size = classes * outputs[1] * outputs[2];
    this.#previous = new Float32Array(size);
    this.#current = new Float32Array(size);
    this.#blended = new Float32Array(size);
  }

  /**
   * Take the next planes.
   *
   * @param planes - `[classes, count, H, W]` of the input grid.
   */
  push(planes: Float32Array, count: number): void {
    const area = this.#inputs[1] * this.#inputs[2];
    if (planes.length !== this.#classes * count * area || this.#taken + count > this.#inputs[0]) {
      throw new DataArgumentError(
        'planes',
        `${this.#classes} x at most ${this.#inputs[0] - this.#taken} planes of ${area} voxels`,
        `${planes.length} numbers for ${count}`,
      );
    }
    for (let i = 0; i < count; i++) {
      [this.#previous, this.#current] = [this.#current, this.#previous];
      for (let c = 0; c < this.#classes; c++) {
        const from = (c * count + i) * area;
        this.#withinPlane(planes.subarray(from, from + area), c);
      }
      this.#taken++;
      this.#release();
    }
  }

  #withinPlane(source: Float32Array, channel: number): void {
    const [, h, w] = this.#outputs;
    const width = this.#inputs[2];
    const target = this.#current;
    const base = channel * h * w;
    if (h === this.#inputs[1] && w === width) {
      target.set(source, base);
      return;
    }
    const [ty, tx] = [this.#tables[1]!, this.#tables[2]!];
    for (let y = 0, to = base; y < h; y++) {
      const row0 = ty.low[y]! * width;
      const row1 = ty.high[y]! * width;
      const fy = ty.weight[y]!;
      for (let x = 0; x < w; x++, to++) {
        const [x0, x1, fx] = [tx.low[x]!, tx.high[x]!, tx.weight[x]!];
        const a = source[row0 + x0]! * (1 - fx) + source[row0 + x1]! * fx;
        const b = source[row1 + x0]! * (1 - fx) + source[row1 + x1]! * fx;
        target[to] = a * (1 - fy) + b * fy;
      }
    }
  }

  /** Give every output plane whose inputs have been taken. */
  #release(): void {
    const { low, high, weight } = this.#tables[0]!;
    const newest = this.#taken - 1;
    while (this.#given < this.#outputs[0] && high[this.#given]! <= newest) {
      const o = this.#given;
      const f = weight[o]!;
      const a = low[o]! === newest ? this.#current : this.#previous;
      let plane = a;
      if (f > 0) {
        plane = this.#blended;
        const b = this.#current;
        for (let i = 0; i < plane.length; i++) plane[i] = a[i]! * (1 - f) + b[i]! * f;
      }
      this.#emit(plane, o);
      this.#given++;
    }
  }
}
