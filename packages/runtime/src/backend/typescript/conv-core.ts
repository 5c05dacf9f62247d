/**
 * The loop shared by `conv` and `convTranspose`: blocks of columns times packed weights. Blocks are handed to the
 * workers in contiguous runs; every output is one sum in a fixed order, so results do not depend on their number.
 */

import type { HostArray } from '../../graph/dtype.js';
import type { Triple } from '../reference/loops.js';
import { shareOf } from '../executor/share.js';
import { boxColumns, boxTaps, columnPositions, gatherColumns, type ColumnSource, type TapBox } from './columns.js';
import { multiplyTile, TILE } from './tile.js';
import type { WeightGroup } from './weights.js';

/** A block of columns of this many bytes stays in a core's second-level cache beside its weights. */
const BLOCK_BYTES = 256 * 1024;
const MOST_COLUMNS = 64;

/** Columns in a block with `k` rows: a multiple of four. */
export function blockColumns(k: number): number {
  return Math.min(Math.max(Math.floor(BLOCK_BYTES / 8 / Math.max(k, 1) / 4) * 4, 4), MOST_COLUMNS);
}

/** Float64 elements one worker needs for its block of columns. */
export function blockLength(groups: readonly WeightGroup[], taps: number): number {
  const k = taps * Math.max(...groups.map((g) => g.ins));
  return blockColumns(k) * Math.max(k, 1);
}

export interface ColumnProduct {
  readonly samples: number;
  readonly source: ColumnSource;
  readonly boxes: readonly TapBox[];
  readonly groups: readonly WeightGroup[];
  /** Taps of the whole kernel, as packed. */
  readonly kernel: Triple;
  readonly weights: Float64Array;
  readonly bias: HostArray | undefined;
  readonly result: HostArray;
  readonly resultChannels: number;
  readonly resultSize: Triple;
  readonly scratch: Float64Array;
  readonly scratchBegin: number;
}

/** This worker's own; a worker runs one kernel at a time. */
const positions = new Float64Array(MOST_COLUMNS);
const tile = new Float64Array(TILE);

/** Compute the share of `part`. Workers beyond those that scratch was planned for stay idle. */
export function multiplyColumns(product: ColumnProduct, part: number, parts: number): void {
  const { boxes, groups, samples, kernel, scratch } = product;
  const taps = kernel[0] * kernel[1] * kernel[2];
  const own = blockLength(groups, taps);
  const active = Math.min(parts, Math.floor((scratch.length - product.scratchBegin) / own));
  if (part >= active) return;
  const columns = scratch;
  const columnsBegin = product.scratchBegin + part * own;
  const blocksOf = (box: TapBox, g: WeightGroup): number =>
    Math.ceil((samples * boxColumns(box)) / blockColumns(taps * g.ins));
  let total = 0;
  for (const box of boxes) for (const g of groups) total += blocksOf(box, g);
  const { begin, end } = shareOf(total, part, active);
  let first = 0;
  for (const box of boxes) {
    const all = samples * boxColumns(box);
    for (const g of groups) {
      const size = blockColumns(taps * g.ins);
      const blocks = blocksOf(box, g);
      for (let b = Math.max(begin - first, 0); b < Math.min(end - first, blocks); b++) {
        multiplyBlock(product, box, g, columns, columnsBegin, b * size, Math.min(size, all - b * size));
      }
      first += blocks;
    }
  }
}

function multiplyBlock(
  product: ColumnProduct,
  box: TapBox,
  g: WeightGroup,
  columns: Float64Array,
  begin: number,
  m: number,
  count: number,
): void {
  const { kernel, weights, bias, resultChannels } = product;
  const result = product.result as Float32Array;
  const taps = kernel[0] * kernel[1] * kernel[2];
  const boxSize = boxTaps(box);
  const k = boxSize * g.ins;
  gatherColumns(
    product.source,
    box,
    { firstChannel: g.firstIn, channels: g.ins, kBegin: 0, kEnd: k },
    m,
    count,
    columns,
    begin,
    k,
  );
  columnPositions(box, product.resultSize, resultChannels, m, count, positions);
  const blockSize = 4 * taps * g.ins;
  for (let o = 0; o < g.outs; o += 4) {
    const block = g.packed + (o / 4) * blockSize;
    const width = Math.min(4, g.outs - o);
    const channel = g.firstOut + o;
    for (let p = 0; p < count; p += 4) {
      for (let j = 0; j < 4; j++) {
        const start = bias !== undefined && j < width ? bias[channel + j]! : 0;
        tile[j] = tile[j + 4] = tile[j + 8] = tile[j + 12] = start;
      }
      const quad = begin + p * k;
      if (boxSize === taps) multiplyTile(columns, quad, weights, block, k, tile, 0);
      else multiplyTaps(box, kernel, g.ins, columns, quad, weights, block);
      const valid = Math.min(4, count - p);
      for (let i = 0; i < valid; i++) {
        const to = positions[p + i]! + channel;
        for (let j = 0; j < width; j++) result[to + j] = tile[i * 4 + j]!;
      }
    }
  }
}

/** A box that has some of the kernel's taps only: one run of the weights per tap. */
function multiplyTaps(
  [az, ay, ax]: TapBox,
  kernel: Triple,
  ins: number,
  columns: Float64Array,
  quad: number,
  weights: Float64Array,
  block: number,
): void {
  let from = quad;
  for (const tz of az.taps) {
    for (const ty of ay.taps) {
      for (const tx of ax.taps) {
        const tap = (tz * kernel[1] + ty) * kernel[2] + tx;
        multiplyTile(columns, from, weights, block + tap * ins * 4, ins, tile, 0);
        from += ins * 4;
      }
    }
  }
}

/** Bytes of scratch: a block of columns for each of `threads` workers after `weights` float64 elements of packed weights. */
export function productScratchBytes(
  groups: readonly WeightGroup[],
  taps: number,
  threads: number,
  weights: number,
): number {
  return 8 * (weights + threads * blockLength(groups, taps));
}
