/**
 * Weight gradients of stride-1 convolutions by transformed tiles (see `winograd.ts`): the transpose of the forward
 * algorithm in the weights. Inputs are transformed as in the forward pass, dy by the transpose of the output transform;
 * their products are summed over all tiles position by position and transformed once at the end.
 *
 * Workers share the (input channel, output channel) plane as a grid, so nothing is reduced between them and each sum runs
 * in the same order whatever their number.
 */

import { shareOf } from '../executor/share.js';
import type { Triple } from '../reference/loops.js';
import type { ColumnSource } from './columns.js';
import { multiplyTileOverColumns, TILE } from './tile.js';
import { ceil4 } from './weights.js';
import { kernelTransform, spreadGradients, type WinogradTile } from './winograd.js';
import { gatherTile, interleave, storeTransformed, tileCounts, tileIndex } from './winograd-conv.js';

/** Transformed tiles of x and dy of a block stay in a core's second-level cache. */
const BLOCK_BYTES = 512 * 1024;
const MOST_TILES = 32;

/** Cut of quads of input channels x quads of output channels among `parts` workers. */
function gridOf(rows: number, columns: number, parts: number): { readonly rows: number; readonly columns: number } {
  let best = { rows: 1, columns: 1 };
  for (let r = 1; r <= Math.min(rows, parts); r++) {
    const c = Math.min(Math.floor(parts / r), columns);
    if (r * c >= best.rows * best.columns) best = { rows: r, columns: c };
  }
  return best;
}

interface Share {
  /** Largest share of any worker, in channels: a multiple of four. */
  readonly ins: number;
  readonly outs: number;
  readonly tiles: number;
  /** Float64 elements a worker needs: x tiles, dy tiles, sums, one tile. */
  readonly own: number;
  readonly grid: { readonly rows: number; readonly columns: number };
}

function sharesOf(tile: WinogradTile, ins: number, outs: number, parts: number): Share {
  const [rows, columns] = [ceil4(ins) / 4, ceil4(outs) / 4];
  const grid = gridOf(rows, columns, parts);
  const i = 4 * Math.ceil(rows / grid.rows);
  const o = 4 * Math.ceil(columns / grid.columns);
  const fitting = Math.floor(BLOCK_BYTES / 8 / tile.positions / (i + o) / 4) * 4;
  const tiles = Math.min(Math.max(fitting, 4), MOST_TILES);
  return { ins: i, outs: o, tiles, grid, own: tile.positions * (tiles * (i + o) + i * o + Math.max(i, o)) };
}

function length(tile: WinogradTile, ins: number, outs: number, parts: number): number {
  const { own, grid } = sharesOf(tile, ins, outs, parts);
  return own * grid.rows * grid.columns;
}

/** Float64 elements of scratch that do for any number of workers up to `threads`. */
export function winogradWeightGradLength(tile: WinogradTile, ins: number, outs: number, threads: number): number {
  let most = 0;
  for (let parts = 1; parts <= threads; parts++) most = Math.max(most, length(tile, ins, outs, parts));
  return most;
}

export interface WinogradWeightGrad {
  readonly tile: WinogradTile;
  readonly kernel: readonly number[];
  readonly samples: number;
  readonly x: ColumnSource;
  readonly origin: Triple;
  readonly dy: ColumnSource;
  readonly ins: number;
  readonly outs: number;
  /** [outs][taps][ins] */
  readonly dw: Float32Array;
  readonly scratch: Float64Array;
}

/** Compute the share of `part`. */
export function sumTransformed(work: WinogradWeightGrad, part: number, parts: number): void {
  const { tile, ins, outs, scratch, dy, samples } = work;
  let active = parts;
  while (active > 1 && length(tile, ins, outs, active) > scratch.length) active--;
  const share = sharesOf(tile, ins, outs, active);
  const { rows, columns } = share.grid;
  if (part >= rows * columns) return;
  const i = shareOf(ceil4(ins) / 4, Math.floor(part / columns), rows);
  const o = shareOf(ceil4(outs) / 4, part % columns, columns);
  const ownIns = { first: i.begin * 4, count: Math.min(i.end * 4, ins) - i.begin * 4 };
  const ownOuts = { first: o.begin * 4, count: Math.min(o.end * 4, outs) - o.begin * 4 };

  const { positions } = tile;
  const [i4, o4] = [ceil4(ownIns.count), ceil4(ownOuts.count)];
  const xTiles = part * share.own;
  const dyTiles = xTiles + positions * share.tiles * i4;
  const sums = dyTiles + positions * share.tiles * o4;
  const buffer = sums + positions * i4 * o4;
  scratch.fill(0, xTiles, buffer);

  const counts = tileCounts(tile, dy.size);
  const all = samples * counts[0] * counts[1] * counts[2];
  for (let first = 0; first < all; first += share.tiles) {
    const count = Math.min(share.tiles, all - first);
    const quads = Math.ceil(count / 4);
    for (let t = 0; t < quads * 4; t++) {
      if (t < count) {
        const [n, z, y, x] = tileIndex(first + t, counts, tile.outputs);
        gatherTile(
          work.x,
          tile.inputs,
          n,
          z + work.origin[0],
          y + work.origin[1],
          x + work.origin[2],
          ownIns.first,
          ownIns.count,
          scratch,
          buffer,
        );
        storeTransformed(tile, ownIns.count, scratch, buffer, xTiles, quads, t, i4);
        gatherTile(dy, tile.outputs, n, z, y, x, ownOuts.first, ownOuts.count, scratch, buffer);
        spread(tile, ownOuts.count, scratch, buffer);
        interleave(scratch, buffer, positions, ownOuts.count, dyTiles, quads, t, o4);
      } else {
        clearTile(scratch, xTiles, positions, i4, quads, t);
        clearTile(scratch, dyTiles, positions, o4, quads, t);
      }
    }
    for (let position = 0; position < positions; position++) {
      for (let c = 0, to = sums + position * i4 * o4; c < i4; c += 4) {
        for (let k = 0; k < o4; k += 4, to += TILE) {
          multiplyTileOverColumns(
            scratch,
            xTiles + position * quads * i4 * 4 + c * 4,
            i4 * 4,
            scratch,
            dyTiles + position * quads * o4 * 4 + k * 4,
            o4 * 4,
            quads,
            scratch,
            to,
          );
        }
      }
    }
  }
  storeWeights(work, ownIns, ownOuts, sums);
}

function clearTile(
  data: Float64Array,
  target: number,
  positions: number,
  channels: number,
  quads: number,
  t: number,
): void {
  for (let position = 0; position < positions; position++) {
    const to = target + (position * quads + (t >> 2)) * channels * 4 + (t & 3);
    for (let c = 0; c < channels; c++) data[to + c * 4] = 0;
  }
}

/** From [oz][oy][ox][channel] to all positions, in place, slowest axes last so that nothing is overwritten before it is read. */
function spread(
  { inputs: [az, ay, ax], outputs: [oz, oy, ox] }: WinogradTile,
  channels: number,
  data: Float64Array,
  begin: number,
): void {
  // Move every voxel from its place in the small box to that in the large one.
  for (let z = oz - 1; z >= 0; z--) {
    for (let y = oy - 1; y >= 0; y--) {
      for (let x = ox - 1; x >= 0; x--) {
        const from = begin + ((z * oy + y) * ox + x) * channels;
        const to = begin + ((z * ay + y) * ax + x) * channels;
        if (from !== to) data.copyWithin(to, from, from + channels);
      }
    }
  }
  if (ax === 4)
    for (let z = 0; z < oz; z++)
      for (let y = 0; y < oy; y++) spreadGradients(data, begin + (z * ay + y) * ax * channels, channels, channels);
  if (ay === 4)
    for (let z = 0; z < oz; z++) spreadGradients(data, begin + z * ay * ax * channels, ax * channels, ax * channels);
  if (az === 4) spreadGradients(data, begin, ay * ax * channels, ay * ax * channels);
}

interface ChannelRange {
  readonly first: number;
  readonly count: number;
}

/** dw[o][tap][i] from the sums over tiles: every tap is a fixed combination of the positions. */
function storeWeights(
  { kernel, ins, dw, scratch }: WinogradWeightGrad,
  ownIns: ChannelRange,
  ownOuts: ChannelRange,
  sums: number,
): void {
  const { taps, rows } = kernelTransform(kernel);
  const positions = rows.length / taps;
  const [i4, o4] = [ceil4(ownIns.count), ceil4(ownOuts.count)];
  for (let c = 0; c < ownIns.count; c++) {
    for (let o = 0; o < ownOuts.count; o++) {
      const at = sums + ((c >> 2) * (o4 / 4) + (o >> 2)) * TILE + (c & 3) * 4 + (o & 3);
      const to = (ownOuts.first + o) * taps * ins + ownIns.first + c;
      for (let tap = 0; tap < taps; tap++) {
        let sum = 0;
        for (let position = 0; position < positions; position++)
          sum += rows[position * taps + tap]! * scratch[at + position * i4 * o4]!;
        dw[to + tap * ins] = sum;
      }
    }
  }
}
