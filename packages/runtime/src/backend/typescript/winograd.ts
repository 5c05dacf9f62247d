/**
 * Winograd's minimal filtering F(2, 3) along every axis whose kernel size is 3: two outputs from four inputs with four
 * products in place of six, so 64 products for the 216 of 8 outputs of a 3x3x3 kernel. All of it is in float64, so
 * nothing of f32 accuracy is lost; a NaN or infinity reaches all outputs of its tile. Only the transforms and the choice are here; the loops are in `winograd-conv.ts` and
 * `winograd-weight-grad.ts`.
 *
 * Per axis, with inputs d, kernel g and products m: (d0 - d2, d1 + d2, d2 - d1, d1 - d3) times
 * (g0, (g0 + g1 + g2) / 2, (g0 - g1 + g2) / 2, g2), then y0 = m0 + m1 + m2 and y1 = m1 - m2 - m3.
 * @see Winograd 1980 (Arithmetic complexity of computations); Lavin and Gray 2016 (arXiv 1509.09308)
 */

import type { Triple } from '../reference/loops.js';
import { triple } from '../reference/loops.js';
import { ceil4 } from './weights.js';

/** Bytes of transformed weights beyond which the plain form is kept: they are 64 / 27 of it. */
const MOST_WEIGHT_BYTES = 4 * 2 ** 20;
/** Channels below which the transforms cost more than the products they save. */
const LEAST_CHANNELS = 8;

/** Transformed elements along an axis with kernel 3 or 1, and outputs of a tile. */
export interface WinogradTile {
  readonly inputs: Triple;
  readonly outputs: Triple;
  /** Product of `inputs`. */
  readonly positions: number;
}

/** The tile of a kernel, or undefined where there is none: sizes 3 and 1 only, at least two of them 3. */
export function winogradTile(kernel: readonly number[]): WinogradTile | undefined {
  const k = triple(kernel, 1);
  if (k.some((size) => size !== 1 && size !== 3) || k.filter((size) => size === 3).length < 2) return undefined;
  const inputs = k.map((size) => (size === 3 ? 4 : 1)) as unknown as Triple;
  const outputs = k.map((size) => (size === 3 ? 2 : 1)) as unknown as Triple;
  return { inputs, outputs, positions: inputs[0] * inputs[1] * inputs[2] };
}

export interface WinogradQuery {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly groups: number;
}

/**
 * Whether weights of this form are transformed: a function of what names a derived copy (weights, stride, groups,
 * channel slice) and of nothing else, so that plans of any patch size share the copy.
 * @param ins - channels summed over. @param outs - channels of the result.
 */
export function winogradFits(a: WinogradQuery, ins: number, outs: number): boolean {
  const tile = winogradTile(a.kernel);
  if (!tile || a.groups !== 1 || a.stride.some((s) => s !== 1) || ins < LEAST_CHANNELS || outs < LEAST_CHANNELS)
    return false;
  return 8 * winogradLength(tile, ins, outs) <= MOST_WEIGHT_BYTES;
}

/** Float64 elements of transformed weights: [position][block of 4 outs][ins][4]. */
export function winogradLength(tile: WinogradTile, ins: number, outs: number): number {
  return tile.positions * ins * ceil4(outs);
}

/**
 * Inputs of one axis in place: at base + i, for i < length, four elements `step` apart.
 */
export function transformInputs(d: Float64Array, base: number, step: number, length: number): void {
  const step2 = 2 * step;
  const step3 = 3 * step;
  for (let i = base; i < base + length; i++) {
    const d0 = d[i]!;
    const d1 = d[i + step]!;
    const d2 = d[i + step2]!;
    const d3 = d[i + step3]!;
    d[i] = d0 - d2;
    d[i + step] = d1 + d2;
    d[i + step2] = d2 - d1;
    d[i + step3] = d1 - d3;
  }
}

/** Products of one axis to two outputs, in place: the first two of four elements `step` apart. */
export function transformProducts(m: Float64Array, base: number, step: number, length: number): void {
  const step2 = 2 * step;
  const step3 = 3 * step;
  for (let i = base; i < base + length; i++) {
    const m0 = m[i]!;
    const m1 = m[i + step]!;
    const m2 = m[i + step2]!;
    m[i] = m0 + m1 + m2;
    m[i + step] = m1 - m2 - m[i + step3]!;
  }
}

/** The transpose of `transformProducts`: two gradients of outputs to four, in place. */
export function spreadGradients(e: Float64Array, base: number, step: number, length: number): void {
  const step2 = 2 * step;
  const step3 = 3 * step;
  for (let i = base; i < base + length; i++) {
    const e0 = e[i]!;
    const e1 = e[i + step]!;
    e[i + step] = e0 + e1;
    e[i + step2] = e0 - e1;
    e[i + step3] = -e1;
  }
}

/** Element `position` of the transformed kernel along one axis: weights of g0, g1, g2. */
const KERNEL_ROWS: readonly Triple[] = [
  [1, 0, 0],
  [0.5, 0.5, 0.5],
  [0.5, -0.5, 0.5],
  [0, 0, 1],
];
const ONE: readonly Triple[] = [[1, 0, 0]];

/** Weight of every tap (rows of `taps` numbers) in every position of the transformed kernel. */
export function kernelTransform(kernel: readonly number[]): { readonly taps: number; readonly rows: Float64Array } {
  const [kd, kh, kw] = triple(kernel, 1);
  const rowsOf = (k: number): readonly Triple[] => (k === 3 ? KERNEL_ROWS : ONE);
  const taps = kd * kh * kw;
  const rows: number[] = [];
  for (const rz of rowsOf(kd)) {
    for (const ry of rowsOf(kh)) {
      for (const rx of rowsOf(kw)) {
        for (let z = 0; z < kd; z++)
          for (let y = 0; y < kh; y++) for (let x = 0; x < kw; x++) rows.push(rz[z]! * ry[y]! * rx[x]!);
      }
    }
  }
  return { taps, rows: Float64Array.from(rows) };
}

/**
 * Transform and pack plain weights ([Co][taps][Ci] in memory).
 * @param local - first input channel of the plain weights that is taken (`inputGrad` of a channel slice).
 * @param perGroup - input channels of the plain weights.
 */
export function packTransformed(
  target: Float64Array,
  begin: number,
  plain: { readonly [index: number]: number },
  form: 'forward' | 'inputGrad',
  kernel: readonly number[],
  ins: number,
  outs: number,
  local: number,
  perGroup: number,
  part: number,
  parts: number,
): void {
  const { taps, rows } = kernelTransform(kernel);
  const positions = rows.length / taps;
  const blocks = ceil4(outs) / 4;
  const g = new Float64Array(taps);
  for (let block = part; block < blocks; block += parts) {
    for (let c = 0; c < ins; c++) {
      for (let j = 0; j < 4; j++) {
        const o = block * 4 + j;
        for (let tap = 0; tap < taps; tap++) {
          if (o >= outs) g[tap] = 0;
          else if (form === 'forward') g[tap] = plain[(o * taps + tap) * perGroup + c]!;
          else g[tap] = plain[(c * taps + (taps - 1 - tap)) * perGroup + local + o]!;
        }
        for (let position = 0; position < positions; position++) {
          let sum = 0;
          for (let tap = 0; tap < taps; tap++) sum += rows[position * taps + tap]! * g[tap]!;
          target[begin + ((position * blocks + block) * ins + c) * 4 + j] = sum;
        }
      }
    }
  }
}
