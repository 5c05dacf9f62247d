/**
 * Fast path of `convWeightGrad`: transformed tiles where they pay (see `winograd-weight-grad.ts`), else columns
 * transposed times dy. Workers share the rows (taps x input channels) of the
 * result, so nothing has to be reduced between them; each sum over voxels runs in the same order whatever their number.
 * Rows are taken in chunks whose sums stay in cache.
 */

import { elementCount } from '../../graph/shape.js';
import { shareOf } from '../executor/share.js';
import type { KernelContext, KernelOf } from '../kernel.js';
import { triple, volume, type Triple } from '../reference/loops.js';
import { boxColumns, forwardBox, gatherColumns } from './columns.js';
import type { AttrsFor, QueryOf } from './query.js';
import { multiplyTileOverColumns, TILE } from './tile.js';
import { ceil4 } from './weights.js';
import { winogradFits, winogradTile, type WinogradTile } from './winograd.js';
import { sumTransformed, winogradWeightGradLength } from './winograd-weight-grad.js';

type Attrs = AttrsFor<'convWeightGrad'>;

/** Columns per block; also the length of the partial sums. */
const COLUMNS = 64;
/** Bytes of the sums of one chunk of rows. */
const SUM_BYTES = 128 * 1024;
const MOST_ROWS = 256;

interface Sizes {
  /** Input channels and output channels of a group. */
  readonly ins: number;
  readonly outs: number;
  /** Rows of a chunk, a multiple of four. */
  readonly rows: number;
  /** Float64 elements one worker needs: columns, dy, sums. */
  readonly own: number;
}

function sizesOf(a: Attrs, inputs: readonly { readonly shape: readonly number[] }[]): Sizes {
  const channels = inputs.slice(0, a.pieces).reduce((sum, p) => sum + p.shape[1]!, 0);
  const ins = channels / a.groups;
  const outs = inputs[a.pieces]!.shape[1]! / a.groups;
  const fitting = Math.floor(SUM_BYTES / 8 / ceil4(outs) / 4) * 4;
  const rows = Math.min(ceil4(elementCount(a.kernel) * ins), Math.max(fitting, 4), MOST_ROWS);
  return { ins, outs, rows, own: COLUMNS * rows + COLUMNS * ceil4(outs) + rows * ceil4(outs) };
}

function tileOf(a: Attrs, inputs: readonly { readonly shape: readonly number[] }[]): WinogradTile | undefined {
  const { ins, outs } = sizesOf(a, inputs);
  return a.dilation.every((d) => d === 1) && winogradFits(a, ins, outs) ? winogradTile(a.kernel) : undefined;
}

/** Which kernel: 1 for transformed tiles. */
export function convWeightGradVariant({ attrs, inputs }: QueryOf<'convWeightGrad'>): number {
  return tileOf(attrs, inputs) ? 1 : 0;
}

export function convWeightGradScratch({ attrs, inputs }: QueryOf<'convWeightGrad'>, threads: number): number {
  const { ins, outs } = sizesOf(attrs, inputs);
  const tile = tileOf(attrs, inputs);
  if (tile) return 8 * winogradWeightGradLength(tile, ins, outs, threads);
  return 8 * threads * sizesOf(attrs, inputs).own;
}

function run(context: KernelContext<Attrs>): void {
  const { attrs: a, inputs, outputs, part, parts } = context;
  const tile = tileOf(a, inputs);
  if (tile) sumTiles(context, tile);
  else sumColumns(context);
  if (outputs[1]) biasGradient(inputs[a.pieces]!.data as Float32Array, outputs[1].data as Float32Array, part, parts);
}

function sumTiles(
  { attrs: a, inputs, outputs, scratch64, part, parts }: KernelContext<Attrs>,
  tile: WinogradTile,
): void {
  const dy = volume(inputs[a.pieces]!.shape);
  const { ins, outs } = sizesOf(a, inputs);
  sumTransformed(
    {
      tile,
      kernel: a.kernel,
      samples: dy.n,
      x: {
        pieces: inputs.slice(0, a.pieces).map((p) => ({ data: p.data, channels: p.shape[1]! })),
        size: volume(inputs[0]!.shape).size,
      },
      origin: triple(a.padBefore, 0).map((p) => -p) as unknown as Triple,
      dy: { pieces: [{ data: inputs[a.pieces]!.data, channels: dy.c }], size: dy.size },
      ins,
      outs,
      dw: outputs[0]!.data as Float32Array,
      scratch: scratch64,
    },
    part,
    parts,
  );
}

function sumColumns(context: KernelContext<Attrs>): void {
  const { attrs: a, inputs, scratch64, part, parts } = context;
  const sizes = sizesOf(a, inputs);
  const active = Math.min(parts, Math.floor(scratch64.length / sizes.own));
  if (part < active) {
    const quadsPerGroup = Math.ceil((elementCount(a.kernel) * sizes.ins) / 4);
    const { begin, end } = shareOf(a.groups * quadsPerGroup, part, active);
    for (let g = 0; g < a.groups; g++) {
      const low = Math.max(begin - g * quadsPerGroup, 0) * 4;
      const high = Math.min(Math.min(end - g * quadsPerGroup, quadsPerGroup) * 4, elementCount(a.kernel) * sizes.ins);
      for (let k = low; k < high; k += sizes.rows)
        addRows(context, sizes, g, k, Math.min(k + sizes.rows, high), part * sizes.own);
    }
  }
}

/** Rows kBegin ... kEnd - 1 of group g, complete. */
function addRows(
  { attrs: a, inputs, outputs, scratch64 }: KernelContext<Attrs>,
  { ins, outs, rows }: Sizes,
  g: number,
  kBegin: number,
  kEnd: number,
  own: number,
): void {
  const y = volume(inputs[a.pieces]!.shape);
  const dy = inputs[a.pieces]!.data as Float32Array;
  const source = {
    pieces: inputs.slice(0, a.pieces).map((p) => ({ data: p.data, channels: p.shape[1]! })),
    size: volume(inputs[0]!.shape).size,
  };
  const box = forwardBox(a, y.size);
  const k4 = ceil4(kEnd - kBegin);
  const o4 = ceil4(outs);
  const columns = own;
  const grads = columns + COLUMNS * rows;
  const sums = grads + COLUMNS * o4;
  scratch64.fill(0, sums, sums + k4 * o4);
  const all = y.n * boxColumns(box);
  for (let m = 0; m < all; m += COLUMNS) {
    const count = Math.min(COLUMNS, all - m);
    gatherColumns(
      source,
      box,
      { firstChannel: g * ins, channels: ins, kBegin, kEnd },
      m,
      count,
      scratch64,
      columns,
      k4,
    );
    gatherGradients(dy, y.c, g * outs, outs, m, count, scratch64, grads, o4);
    const quads = Math.ceil(count / 4);
    for (let k = 0, t = sums; k < k4; k += 4) {
      for (let o = 0; o < o4; o += 4, t += TILE) {
        multiplyTileOverColumns(
          scratch64,
          columns + k * 4,
          k4 * 4,
          scratch64,
          grads + o * 4,
          o4 * 4,
          quads,
          scratch64,
          t,
        );
      }
    }
  }
  const dw = outputs[0]!.data as Float32Array;
  const length = elementCount(a.kernel) * ins;
  for (let k = kBegin; k < kEnd; k++) {
    const row = k - kBegin;
    for (let o = 0; o < outs; o++) {
      const t = sums + ((row >> 2) * (o4 / 4) + (o >> 2)) * TILE + (row & 3) * 4 + (o & 3);
      dw[(g * outs + o) * length + k] = scratch64[t]!;
    }
  }
}

/** dy of `count` voxels as [voxel / 4][channel][voxel % 4], zeros for voxels beyond. Lanes of missing channels are never stored. */
function gatherGradients(
  dy: Float32Array,
  channels: number,
  first: number,
  outs: number,
  m: number,
  count: number,
  target: Float64Array,
  begin: number,
  o4: number,
): void {
  for (let p = 0; p < ceil4(count); p++) {
    let to = begin + (p >> 2) * o4 * 4 + (p & 3);
    const from = (m + p) * channels + first;
    for (let o = 0; o < outs; o++, to += 4) target[to] = p < count ? dy[from + o]! : 0;
  }
}

/** Each worker sums its own channels. */
function biasGradient(dy: Float32Array, db: Float32Array, part: number, parts: number): void {
  const channels = db.length;
  const { begin, end } = shareOf(channels, part, parts);
  for (let c = begin; c < end; c++) {
    let sum = 0;
    for (let i = c; i < dy.length; i += channels) sum += dy[i]!;
    db[c] = sum;
  }
}

export const convWeightGradKernel: KernelOf<'convWeightGrad'> = { parallel: true, run };
