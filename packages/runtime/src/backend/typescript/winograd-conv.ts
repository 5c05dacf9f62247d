/**
 * Stride-1 convolutions by transformed tiles (see `winograd.ts`): blocks of tiles are transformed, multiplied with the
 * transformed weights position by position, and transformed back. Used by `conv` and, with mirrored weights, by
 * `convTranspose`. Every output is computed in one fixed order, so results do not depend on the number of workers.
 */

import type { HostArray } from '../../graph/dtype.js';
import { shareOf } from '../executor/share.js';
import type { Triple } from '../reference/loops.js';
import type { ColumnSource } from './columns.js';
import { multiplyTileTo } from './tile.js';
import { ceil4 } from './weights.js';
import { transformInputs, transformProducts, type WinogradTile } from './winograd.js';

/** Transformed tiles and products of a block stay in a core's second-level cache. */
const BLOCK_BYTES = 512 * 1024;
const MOST_TILES = 32;

/** Tiles of a block, a multiple of four. */
function blockTiles(tile: WinogradTile, ins: number, outs: number): number {
  const fitting = Math.floor(BLOCK_BYTES / 8 / tile.positions / (ins + ceil4(outs)) / 4) * 4;
  return Math.min(Math.max(fitting, 4), MOST_TILES);
}

/** Float64 elements one worker needs: transformed tiles, products, one tile. */
export function winogradBlockLength(tile: WinogradTile, ins: number, outs: number): number {
  return tile.positions * (blockTiles(tile, ins, outs) * (ins + ceil4(outs)) + ins);
}

export interface WinogradProduct {
  readonly tile: WinogradTile;
  readonly samples: number;
  readonly source: ColumnSource;
  /** Input position of output 0, per axis: minus the padding. */
  readonly origin: Triple;
  readonly ins: number;
  readonly outs: number;
  /** Transformed weights. */
  readonly weights: Float64Array;
  readonly bias: HostArray | undefined;
  readonly result: HostArray;
  readonly resultSize: Triple;
  readonly scratch: Float64Array;
  readonly scratchBegin: number;
}

/** Tiles per axis. */
export function tileCounts(tile: WinogradTile, size: Triple): Triple {
  return [
    Math.ceil(size[0] / tile.outputs[0]),
    Math.ceil(size[1] / tile.outputs[1]),
    Math.ceil(size[2] / tile.outputs[2]),
  ];
}

/** Compute the share of `part`. Workers beyond those that scratch was planned for stay idle. */
export function multiplyTransformed(product: WinogradProduct, part: number, parts: number): void {
  const { tile, ins, outs, samples, resultSize, scratch, scratchBegin } = product;
  const own = winogradBlockLength(tile, ins, outs);
  const active = Math.min(parts, Math.floor((scratch.length - scratchBegin) / own));
  if (part >= active) return;
  const size = blockTiles(tile, ins, outs);
  const [tz, ty, tx] = tileCounts(tile, resultSize);
  const all = samples * tz * ty * tx;
  const { begin, end } = shareOf(Math.ceil(all / size), part, active);
  for (let block = begin; block < end; block++) {
    multiplyBlock(product, scratchBegin + part * own, size, block * size, Math.min(size, all - block * size));
  }
}

function multiplyBlock(product: WinogradProduct, own: number, size: number, first: number, count: number): void {
  const { tile, source, origin, ins, outs, weights, scratch, resultSize } = product;
  const { positions } = tile;
  const o4 = ceil4(outs);
  const tiles = own;
  const products = tiles + positions * size * ins;
  const buffer = products + positions * size * o4;
  const quads = Math.ceil(count / 4);
  const counts = tileCounts(tile, resultSize);
  for (let t = 0; t < count; t++) {
    const [n, z, y, x] = tileIndex(first + t, counts, tile.outputs);
    gatherTile(source, tile.inputs, n, z + origin[0], y + origin[1], x + origin[2], 0, ins, scratch, buffer);
    storeTransformed(tile, ins, scratch, buffer, tiles, quads, t);
  }
  // Products of missing tiles are computed from what happens to lie there, and never read.
  const blocks = o4 / 4;
  const row = positions * o4;
  for (let position = 0; position < positions; position++) {
    for (let block = 0; block < blocks; block++) {
      const w = (position * blocks + block) * ins * 4;
      for (let q = 0; q < quads; q++) {
        multiplyTileTo(
          scratch,
          tiles + (position * quads + q) * ins * 4,
          weights,
          w,
          ins,
          scratch,
          products + q * 4 * row + position * o4 + block * 4,
          row,
        );
      }
    }
  }
  for (let t = 0; t < count; t++) storeOutputs(product, products + t * row, first + t, counts);
}

/** Sample and first output of a tile. */
export function tileIndex(
  index: number,
  counts: Triple,
  outputs: Triple,
): readonly [n: number, z: number, y: number, x: number] {
  const x = index % counts[2];
  let rest = (index - x) / counts[2];
  const y = rest % counts[1];
  rest = (rest - y) / counts[1];
  const z = rest % counts[0];
  return [(rest - z) / counts[0], z * outputs[0], y * outputs[1], x * outputs[2]];
}

/** Copy a box of `size` voxels from (z0, y0, x0), zeros outside, channels first ... first + channels - 1, as [z][y][x][channel]. */
export function gatherTile(
  source: ColumnSource,
  size: Triple,
  n: number,
  z0: number,
  y0: number,
  x0: number,
  first: number,
  channels: number,
  target: Float64Array,
  begin: number,
): void {
  const [depth, height, width] = source.size;
  let to = begin;
  for (let z = z0; z < z0 + size[0]; z++) {
    for (let y = y0; y < y0 + size[1]; y++) {
      const inside = z >= 0 && z < depth && y >= 0 && y < height;
      const row = ((n * depth + z) * height + y) * width;
      for (let x = x0; x < x0 + size[2]; x++, to += channels) {
        if (!inside || x < 0 || x >= width) {
          for (let c = to; c < to + channels; c++) target[c] = 0;
          continue;
        }
        let next = to;
        let skip = first;
        for (const piece of source.pieces) {
          const from = Math.min(skip, piece.channels);
          skip -= from;
          const run = Math.min(piece.channels - from, to + channels - next);
          if (run > 0) {
            copyRun(piece.data as Float32Array, (row + x) * piece.channels + from, target, next, run);
            next += run;
          }
        }
      }
    }
  }
}

function copyRun(source: Float32Array, from: number, target: Float64Array, to: number, length: number): void {
  for (let i = 0; i < length; i++) target[to + i] = source[from + i]!;
}

/** Transform the tile in the buffer and store it as tile `t` of [position][tile / 4][channel][tile % 4], with room for `stride` channels. */
export function storeTransformed(
  { inputs, positions }: WinogradTile,
  channels: number,
  data: Float64Array,
  buffer: number,
  target: number,
  quads: number,
  t: number,
  stride = channels,
): void {
  const [az, ay, ax] = inputs;
  if (ax === 4)
    for (let row = 0; row < az * ay; row++) transformInputs(data, buffer + row * 4 * channels, channels, channels);
  if (ay === 4)
    for (let plane = 0; plane < az; plane++)
      transformInputs(data, buffer + plane * 4 * ax * channels, ax * channels, ax * channels);
  if (az === 4) transformInputs(data, buffer, ay * ax * channels, ay * ax * channels);
  interleave(data, buffer, positions, channels, target, quads, t, stride);
}

/** Copy [position][channel] to tile `t` of [position][tile / 4][channel][tile % 4], with room for `stride` channels. */
export function interleave(
  data: Float64Array,
  buffer: number,
  positions: number,
  channels: number,
  target: number,
  quads: number,
  t: number,
  stride = channels,
): void {
  let from = buffer;
  for (let position = 0; position < positions; position++) {
    let to = target + (position * quads + (t >> 2)) * stride * 4 + (t & 3);
    for (const end = from + channels; from < end; from++, to += 4) data[to] = data[from]!;
  }
}

/** Transform the products of a tile back and store those outputs that exist. */
function storeOutputs(
  { tile, outs, bias, scratch: m, result, resultSize }: WinogradProduct,
  begin: number,
  index: number,
  counts: Triple,
): void {
  const [az, ay, ax] = tile.inputs;
  const o4 = ceil4(outs);
  const [oz, oy, ox] = tile.outputs;
  if (az === 4) transformProducts(m, begin, ay * ax * o4, ay * ax * o4);
  if (ay === 4) for (let z = 0; z < oz; z++) transformProducts(m, begin + z * 4 * ax * o4, ax * o4, ax * o4);
  const [n, z0, y0, x0] = tileIndex(index, counts, tile.outputs);
  const [depth, height, width] = resultSize;
  const out = result as Float32Array;
  for (let z = 0; z < oz && z0 + z < depth; z++) {
    for (let y = 0; y < oy && y0 + y < height; y++) {
      const from = begin + (z * ay + y) * ax * o4;
      if (ax === 4) transformProducts(m, from, o4, o4);
      for (let x = 0; x < ox && x0 + x < width; x++) {
        const to = (((n * depth + z0 + z) * height + y0 + y) * width + x0 + x) * outs;
        if (bias) for (let o = 0; o < outs; o++) out[to + o] = m[from + x * o4 + o]! + bias[o]!;
        else for (let o = 0; o < outs; o++) out[to + o] = m[from + x * o4 + o]!;
      }
    }
  }
}
