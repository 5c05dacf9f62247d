/**
 * The partially reversible U-Net: a U-Net whose levels are chains of reversible blocks, joined by max-pooling down,
 * trilinear resizing up and additive skips; 3D, or 2D when the input has two spatial axes.
 *
 * Every level's state is a stream of two equal pieces. A convolution that makes a stream is two, one per piece; one that
 * reads it takes both. Encoder and decoder of a level share a grid, since the skip is an addition: with a fixed-point
 * stream even the encoder's result can be had back from the decoder's. Norm and activation precede each convolution.
 *
 * Not here: configuration and parameter formula (partially-reversible-config.ts). Parameter names, with level l from 0
 * and piece p: `stem.{p}.weight`; `encoder.{l}.down.{p}.weight`, `.bias`; `encoder.{l}.block{i}.f.0.norm.weight`, `.bias`,
 * `.conv.weight` and the same under `.g`; `decoder.{l}.up.{p}...`, `decoder.{l}.block{i}...`; `head.weight`, `.bias`. State:
 * `level{l}.exponent` for fixed-point streams, `....norm.mean`, `.variance` with batch norm.
 *
 * Source: Bruegger et al. 2019 (arXiv 1906.06148).
 */
import { cast, maxPool, resize, type GraphBuilder, type Tensor } from '@revoxel/runtime';
import { checkInputSize } from './input-size.js';
import { linearConv } from './layers.js';
import { resolvePartiallyReversible, type PartiallyReversibleConfig } from './partially-reversible-config.js';
import { preActivation, reversibleBlock, type Pieces, type Residual, type TraceOptions } from './reversible-block.js';
import { coupleAdd, enter, leave, openGrid, type Grid } from './stream.js';

/**
 * Variance of initial weights times their fan, in every convolution: that of the paper's framework. Nothing normalises the
 * stream itself, so the usual, larger weights would let it, and the logits, start far from zero.
 */
const VARIANCE = 1 / 3;

/**
 * Trace a partially reversible U-Net.
 *
 * @param x - `[N, C, D, H, W]` or `[N, C, H, W]`, any float dtype; every spatial size a multiple of the product of the strides
 *   on its axis, and more than one voxel left at the lowest level.
 * @returns one entry: raw logits `[N, classes, ...]` at full resolution, dtype `precision`.
 * @throws ShapeError when the size of x does not fit, ArgumentError when the configuration does not.
 * @example
 * const graph = trace('net', (g) => {
 *   const [logits] = partiallyReversibleUnet3d(g.input('image', [1, 4, 64, 64, 64]), { classes: 3, baseChannels: 16 });
 *   g.output('logits', logits!);
 * });
 */
export function partiallyReversibleUnet3d(
  x: Tensor,
  config: PartiallyReversibleConfig,
  { training = false }: TraceOptions = {},
): Tensor[] {
  const g = x.graph;
  const spatial = x.shape.slice(2);
  const net = resolvePartiallyReversible(config, spatial.length);
  checkInputSize('partially-reversible-unet3d', x, net.divisor, net.levels);

  const style = { ...net, training };
  const grids = net.channels.map((_, l) => openGrid(g, `level${l}`, net.stream, net.precision));
  // As a part of He's standard deviation, (2 / (1 + slope^2) / fan)^(1/2).
  const gain = Math.sqrt((VARIANCE * (1 + net.slope ** 2)) / 2);
  const residual: Residual = (half) => preActivation(half, [{ channels: half.shape[1]!, gain }], style);
  const chain = (pieces: Pieces, blocks: number, grid: Grid): Pieces => {
    for (let i = 0; i < blocks; i++) pieces = reversibleBlock(`block${i}`, pieces, residual, residual, grid);
    return pieces;
  };

  const image = cast(x, net.precision);
  let stream = g.region('stem', () =>
    eachPiece(g, () => enter(linearConv([image], net.channels[0]! / 2, 3, false, VARIANCE), grids[0]!)),
  );
  const skips: Pieces[] = [];
  for (let l = 0; l < net.levels; l++) {
    const grid = grids[l]!;
    stream = g.scope(`encoder.${l}`, () => {
      const entered = l === 0 ? stream : down(stream, net.channels[l]!, net.strides[l]!, grids[l - 1]!, grid);
      return chain(entered, net.encoderBlocks, grid);
    });
    skips.push(stream);
  }
  for (let l = net.levels - 1; l >= 0; l--) {
    const grid = grids[l]!;
    stream = g.scope(`decoder.${l}`, () => {
      const entered = l === net.levels - 1 ? stream : up(stream, skips[l]!, grids[l + 1]!, grid);
      return chain(entered, net.decoderBlocks, grid);
    });
  }
  return [
    g.region('head', () =>
      linearConv(
        stream.map((k) => leave(k, grids[0]!)),
        net.classes,
        1,
        true,
        VARIANCE,
      ),
    ),
  ];
}

/** To the next lower level: max-pool of the stored pieces, then a convolution with a kernel of one voxel per new piece. */
function down(stream: Pieces, channels: number, stride: readonly number[], from: Grid, to: Grid): Pieces {
  const g = stream[0].graph;
  return g.region('down', () => {
    const pooled = stream.map((k) => leave(maxPool(k, stride), from));
    return eachPiece(g, () => enter(linearConv(pooled, channels / 2, 1, true, VARIANCE), to));
  });
}

/**
 * To the next higher level: convolution, resizing, addition to the encoder's piece; one piece after the other, so that
 * only one of them exists at full size.
 */
function up(stream: Pieces, skip: Pieces, from: Grid, to: Grid): Pieces {
  const g = stream[0].graph;
  return g.region('up', () => {
    const pieces = stream.map((k) => leave(k, from));
    return eachPiece(g, (p) => {
      const low = linearConv(pieces, skip[p].shape[1]!, 1, true, VARIANCE);
      return coupleAdd(skip[p], resize(low, skip[p].shape.slice(2)), to);
    });
  });
}

function eachPiece(g: GraphBuilder, make: (piece: 0 | 1) => Tensor): Pieces {
  return [g.scope('0', () => make(0)), g.scope('1', () => make(1))];
}
