/**
 * i-RevUNet: an hourglass of i-RevNet blocks without pooling, 3D and 2D. Both pieces of the stream change resolution
 * invertibly, so all that is at full resolution is still there at the lowest level, in more channels: no skips are needed.
 * Between stem and head it is one reversible chain.
 *
 * Residual functions are i-RevNet's bottlenecks: three times (norm -> ReLU -> convolution 3^d), dropout before the third,
 * hidden width a quarter of the output, within bounds. A block is a double coupling, as in RevNet.
 *
 * Parameter names, with level l from 0 (full resolution) and piece p: `stem.{p}.weight`; `encoder.{l}.block{i}.f.{j}...` and
 * `.g.{j}...` with `norm.weight`, `norm.bias`, `conv.weight`; the same under `decoder.{l}`; `encoder.{l}.down.{p}.weight`
 * and `decoder.{l}.up.{p}.weight` (`.angles` in fixed point) of learned resampling; `head.{p}.norm...`, `head.weight`,
 * `.bias`. State: `stream.exponent`, `....norm.mean`, `.variance` with batch norm.
 *
 * Source: Jacobsen et al. 2018 (arXiv 1802.07088).
 */
import { ArgumentError, cast, dropout, elementCount, type Tensor } from '@revoxel/runtime';
import { checkInputSize, checkRank } from './input-size.js';
import {
  resolveBlocks,
  resolveInvertible,
  type InvertibleConfig,
  type ResamplingConfig,
  type ResolvedInvertible,
} from './invertible-config.js';
import { streamHead, streamStem } from './invertible-unet.js';
import { resampleDown, resampleUp, type ResamplingStyle } from './resampling.js';
import {
  normAct,
  residualConv,
  reversibleBlock,
  type Pieces,
  type ResidualStyle,
  type TraceOptions,
} from './reversible-block.js';
import { openGrid } from './stream.js';
import { probabilityBelowOne, wholeAtLeast } from './unet-config.js';

/** Configuration of `irevunet3d` and `irevunet2d`; `resampling` is `squeeze` by default. */
export interface IrevunetConfig extends InvertibleConfig, ResamplingConfig {
  /** Channels at full resolution, both pieces together, an even number; each step multiplies them. Default 16. */
  readonly baseChannels?: number;
  /** Resolutions, the full one included. At least 2. Default 4. */
  readonly levels?: number;
  /** Blocks per level, on the way down and on the way up. Default 1. */
  readonly blocks?: number | readonly number[];
  /** Bounds of the hidden width. Default `baseChannels` to 64. */
  readonly minHidden?: number;
  readonly maxHidden?: number;
  /** Norm of the residual functions and the head. Default `instance`. */
  readonly norm?: 'instance' | 'batch';
  /** Probability of dropout in the residual functions, in training. Default 0. */
  readonly dropout?: number;
  /** Negative slope of the leaky ReLU. Default 0: ReLU. */
  readonly slope?: number;
}

/** A configuration with all defaults filled in. */
export interface ResolvedIrevunet extends ResolvedInvertible {
  /** Channels per level, both pieces together. */
  readonly channels: readonly number[];
  /** Hidden width of the residual functions per level. */
  readonly hidden: readonly number[];
  /** Per level. */
  readonly blocks: readonly number[];
  readonly norm: 'instance' | 'batch';
  readonly dropout: number;
  readonly slope: number;
}

/**
 * Fill in defaults and check.
 *
 * @param rank - spatial axes, 2 or 3.
 * @throws ArgumentError naming the field that does not fit.
 */
export function resolveIrevunet(config: IrevunetConfig, rank: number): ResolvedIrevunet {
  const {
    baseChannels = 16,
    levels = 4,
    minHidden = baseChannels,
    maxHidden = Math.max(64, minHidden),
    resampling = 'squeeze',
    norm = 'instance',
    dropout: probability = 0,
    slope = 0,
  } = config;
  const shared = resolveInvertible(config, levels, rank, resampling, config.parametrisation);
  if (!(Number.isInteger(baseChannels) && baseChannels >= 2 && baseChannels % 2 === 0))
    throw new ArgumentError('baseChannels', 'an even number (the stream has two equal pieces)', baseChannels);
  wholeAtLeast('minHidden', minHidden, 1);
  wholeAtLeast('maxHidden', maxHidden, minHidden);
  if (norm !== 'instance' && norm !== 'batch') throw new ArgumentError('norm', 'instance or batch', norm);
  probabilityBelowOne('dropout', probability);
  let width = baseChannels;
  const channels = shared.strides.map((stride) => (width *= elementCount(stride)));
  return {
    ...shared,
    channels,
    hidden: channels.map((c) => Math.min(maxHidden, Math.max(minHidden, Math.floor(c / 8)))),
    blocks: resolveBlocks('blocks', config.blocks, levels, () => 1),
    norm,
    dropout: probability,
    slope,
  };
}

/**
 * Trace a 3D i-RevUNet.
 *
 * @param x - `[N, C, D, H, W]`, any float dtype; every spatial size a multiple of the product of the strides on its axis, and
 *   more than one voxel left at the lowest level.
 * @returns one entry: raw logits `[N, classes, D, H, W]`, dtype `precision`.
 * @throws ShapeError when the size of x does not fit, ArgumentError when the configuration does not.
 */
export function irevunet3d(x: Tensor, config: IrevunetConfig, options: TraceOptions = {}): Tensor[] {
  return irevunet('irevunet3d', x, 3, config, options);
}

/** Trace a 2D i-RevUNet: as `irevunet3d`, on `[N, C, H, W]`. */
export function irevunet2d(x: Tensor, config: IrevunetConfig, options: TraceOptions = {}): Tensor[] {
  return irevunet('irevunet2d', x, 2, config, options);
}

function irevunet(
  name: string,
  x: Tensor,
  rank: number,
  config: IrevunetConfig,
  { training = false }: TraceOptions,
): Tensor[] {
  const g = x.graph;
  checkRank(name, x, rank);
  const net = resolveIrevunet(config, rank);
  checkInputSize(name, x, net.divisor, net.levels);
  const grid = openGrid(g, 'stream', net.stream, net.precision);
  const style: ResidualStyle = { ...net, training };
  const resampling: ResamplingStyle = { ...net, order: 'offsetMajor' };

  const chain = (pieces: Pieces, level: number): Pieces => {
    const residual = (half: Tensor): Tensor => bottleneck(half, net.hidden[level]!, style);
    for (let i = 0; i < net.blocks[level]!; i++)
      pieces = reversibleBlock(`block${i}`, pieces, residual, residual, grid);
    return pieces;
  };
  const change = (region: 'down' | 'up', pieces: Pieces, level: number): Pieces => {
    const move = region === 'down' ? resampleDown : resampleUp;
    const piece = (p: 0 | 1): Tensor => g.scope(`${p}`, () => move(pieces[p], net.strides[level]!, resampling, grid));
    return g.region(region, () => [piece(0), piece(1)], { reversible: true });
  };

  const half = net.channels[0]! / 2;
  let stream: Pieces = streamStem(cast(x, net.precision), [half, half], grid);
  for (let l = 0; l < net.levels; l++)
    stream = g.scope(`encoder.${l}`, () => chain(l === 0 ? stream : change('down', stream, l), l));
  for (let l = net.levels - 2; l >= 0; l--)
    stream = g.scope(`decoder.${l}`, () => chain(change('up', stream, l + 1), l));
  return [g.region('head', () => streamHead(stream, net.classes, style, grid))];
}

/** i-RevNet's residual function, from and to as many channels. */
function bottleneck(x: Tensor, hidden: number, style: ResidualStyle): Tensor {
  const g = x.graph;
  const widths = [hidden, hidden, x.shape[1]!];
  return widths.reduce(
    (y, channels, i) =>
      g.scope(`${i}`, () => {
        const dropped = i === 2 && style.training ? dropout(y, style.dropout) : y;
        return residualConv(normAct(dropped, style), { channels }, style.slope);
      }),
    x,
  );
}
