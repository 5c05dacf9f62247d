/**
 * The skeleton of fully invertible U-Nets: a stream of two pieces, `skip` and `go`. Going down, `go` is resampled into
 * channels and divided into the two pieces of the next level, while `skip` stays behind; going up, the two are joined and
 * resampled back into `go`. Nothing is copied or lost: the number of elements is the same at every point of the network.
 *
 * Not here: stem, residual functions and heads (iunet.ts, revunet.ts).
 *
 * Source: Etmann et al. 2020 (arXiv 2005.05220).
 */
import { ArgumentError, concat, conv, split, ZEROS, type Tensor } from '@revoxel/runtime';
import { linearConv } from './layers.js';
import { normAct, reversibleBlock, type Residual, type ResidualStyle } from './reversible-block.js';
import { resampleDown, resampleUp, type ResamplingStyle } from './resampling.js';
import { coupleAdd, enter, leave, type Grid } from './stream.js';

/** Channels of one level of an invertible network. */
export interface InvertibleWidth {
  /** All channels. */
  readonly channels: number;
  /** Those that stay at this level. */
  readonly skip: number;
  /** Those that go down. */
  readonly go: number;
}

/**
 * Channels per level of a fully invertible U-Net: of the c channels of a level, go = c - skip go down and become s * go at
 * the next one, with skip chosen so that this comes close to the width wanted there. The lowest level has two halves.
 *
 * @param wanted - channels wanted per level; the first is exact, the others are rounded to multiples of their `voxels`.
 * @param voxels - voxels of a resampled block on the way into each level; the first is not read.
 * @see Etmann et al. 2020 (arXiv 2005.05220)
 */
export function invertibleWidths(wanted: readonly number[], voxels: readonly number[]): InvertibleWidth[] {
  const widths: InvertibleWidth[] = [];
  let channels = wanted[0]!;
  for (let l = 0; l < wanted.length; l++) {
    const last = l === wanted.length - 1;
    const stay = last ? channels / 2 : channels - wanted[l + 1]! / voxels[l + 1]!;
    const skip = Math.max(1, last ? Math.ceil(stay) : Math.round(stay));
    const go = channels - skip;
    if (go < 1)
      throw new ArgumentError(
        'baseChannels',
        'enough channels that one can go down and one can stay, at every level',
        `${wanted[0]} (level ${l} has ${channels})`,
      );
    widths.push({ channels, skip, go });
    channels = last ? channels : voxels[l + 1]! * go;
  }
  return widths;
}

/** The two pieces of a fully invertible network's stream. */
export interface SkipGo {
  readonly skip: Tensor;
  readonly go: Tensor;
}

/** What the skeleton is made of. */
export interface InvertibleUnet {
  readonly grid: Grid;
  readonly widths: readonly InvertibleWidth[];
  /** Step into each level, per axis. */
  readonly strides: readonly (readonly number[])[];
  readonly style: ResamplingStyle;
  /** Which piece takes the first channels of a resampled tensor. */
  readonly first: 'skip' | 'go';
  /** Blocks per level on the way down, the lowest level included. */
  readonly encoderBlocks: readonly number[];
  /** Blocks per level on the way up. */
  readonly decoderBlocks: readonly number[];
  /** Whether channels are mixed by couplings before each way down and after each way up. */
  readonly mixing: boolean;
  /** What a coupling adds: a function to `channels` channels. */
  residual(x: Tensor, channels: number): Tensor;
  /** Called with the pieces of every level of the way up, from the lowest but one to the full resolution. */
  decoded?(level: number, pieces: SkipGo): void;
}

/**
 * Trace the skeleton. Scopes and regions: `encoder.{l}.block{i}`, `encoder.{l}.mix`, `encoder.{l}.down` (into level l),
 * `decoder.{l}.up`, `decoder.{l}.mix`, `decoder.{l}.block{i}`.
 *
 * @param pieces - at full resolution, channels as `net.widths[0]` says.
 * @returns pieces of the same types.
 */
export function invertibleUnet(pieces: SkipGo, net: InvertibleUnet): SkipGo {
  const g = pieces.go.graph;
  const lowest = net.widths.length - 1;
  const skips: Tensor[] = [];
  let now = pieces;
  for (let l = 0; l <= lowest; l++) {
    now = g.scope(`encoder.${l}`, () => {
      const { skip, go } = chain(l === 0 ? now : down(now.go, l, net), net.encoderBlocks[l]!, net);
      return net.mixing && l < lowest ? mix({ skip, go }, net.grid) : { skip, go };
    });
    skips.push(now.skip);
  }
  for (let l = lowest - 1; l >= 0; l--) {
    now = g.scope(`decoder.${l}`, () => {
      const joined = { skip: skips[l]!, go: up(now, l, net) };
      return chain(net.mixing ? mix(joined, net.grid) : joined, net.decoderBlocks[l]!, net);
    });
    net.decoded?.(l, now);
  }
  return now;
}

/** Blocks: skip += F(go), go += G(skip). */
function chain(pieces: SkipGo, blocks: number, net: InvertibleUnet): SkipGo {
  let { skip, go } = pieces;
  const to =
    (channels: number): Residual =>
    (x) =>
      net.residual(x, channels);
  for (let i = 0; i < blocks; i++)
    [skip, go] = reversibleBlock(`block${i}`, [skip, go], to(skip.shape[1]!), to(go.shape[1]!), net.grid);
  return { skip, go };
}

function down(go: Tensor, level: number, net: InvertibleUnet): SkipGo {
  const { widths, strides, style, grid, first } = net;
  const width = widths[level]!;
  return go.graph.region(
    'down',
    () => {
      const low = resampleDown(go, strides[level]!, style, grid);
      const [a, b] = split(low, first === 'skip' ? [width.skip, width.go] : [width.go, width.skip]);
      return first === 'skip' ? { skip: a!, go: b! } : { skip: b!, go: a! };
    },
    { reversible: true },
  );
}

/** The go piece of a level from both pieces of the one below. */
function up({ skip, go }: SkipGo, level: number, net: InvertibleUnet): Tensor {
  const { strides, style, grid, first } = net;
  return go.graph.region(
    'up',
    () => resampleUp(concat(first === 'skip' ? [skip, go] : [go, skip], 1), strides[level + 1]!, style, grid),
    { reversible: true },
  );
}

/**
 * Invertible mixing of all channels by block lifting: skip += A go, go += B skip, skip += C go, with one-voxel
 * convolutions that start at zero. Determinant 1, exact on fixed-point streams.
 */
function mix({ skip, go }: SkipGo, grid: Grid): SkipGo {
  const g = go.graph;
  const lift = (name: string, to: Tensor, from: Tensor): Tensor =>
    g.scope(name, () => {
      const ones = to.shape.slice(2).map(() => 1);
      const weight = g.parameter('weight', [to.shape[1]!, from.shape[1]!, ...ones], ZEROS);
      return coupleAdd(to, conv(leave(from, grid), weight), grid);
    });
  return g.region(
    'mix',
    () => {
      const once = lift('0', skip, go);
      const moved = lift('1', go, once);
      return { skip: lift('2', once, moved), go: moved };
    },
    { reversible: true },
  );
}

/**
 * Stem: two convolutions 3^d without bias that make the pieces of a stream; parameters `stem.0.weight`, `stem.1.weight`.
 *
 * @param channels - of the two pieces.
 */
export function streamStem(image: Tensor, channels: readonly [number, number], grid: Grid): [Tensor, Tensor] {
  const g = image.graph;
  const piece = (p: 0 | 1): Tensor => g.scope(`${p}`, () => enter(linearConv([image], channels[p], 3, false), grid));
  return g.region('stem', () => [piece(0), piece(1)]);
}

/**
 * Segmentation head behind a stream: norm and leaky ReLU of each piece, convolution with a kernel of one voxel.
 * Parameters `{p}.norm.weight`, `{p}.norm.bias`, `weight`, `bias` in the current scope.
 *
 * @returns logits `[N, classes, ...]`, dtype of the grid's precision.
 */
export function streamHead(pieces: readonly Tensor[], classes: number, style: ResidualStyle, grid: Grid): Tensor {
  const g = pieces[0]!.graph;
  const active = pieces.map((k, p) => g.scope(`${p}`, () => normAct(leave(k, grid), style)));
  return linearConv(active, classes, 1, true);
}
