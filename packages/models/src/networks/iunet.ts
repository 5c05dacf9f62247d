/**
 * iUNet: the fully invertible U-Net, 3D and 2D. Between stem and head it is one reversible chain.
 *
 * Residual functions: twice (convolution 3^d without bias -> instance norm -> leaky ReLU), hidden width the larger of
 * input and output. Resolution changes by the Haar wavelet unless the configuration says otherwise. Not here: the skeleton (invertible-unet.ts).
 *
 * Parameter names, with level l from 0 (full resolution): `stem.{p}.weight` (0 skip, 1 go); `encoder.{l}.block{i}.f.{j}...`
 * and `.g.{j}...` with `conv.weight`, `norm.weight`, `norm.bias`; the same under `decoder.{l}`; `encoder.{l}.down.weight`
 * and `decoder.{l}.up.weight` (`.angles` in fixed point) of learned resampling; `encoder.{l}.mix.{j}.weight`,
 * `decoder.{l}.mix...`; `head.weight`, `.bias`. State: `stream.exponent`.
 *
 * Source: Etmann et al. 2020 (arXiv 2005.05220).
 */
import { ArgumentError, cast, type Tensor } from '@revoxel/runtime';
import { checkInputSize, checkRank } from './input-size.js';
import {
  resolveBlocks,
  resolveInvertible,
  resolveWidths,
  type InvertibleConfig,
  type ResamplingConfig,
  type ResolvedInvertible,
} from './invertible-config.js';
import { invertibleUnet, streamStem, type InvertibleWidth } from './invertible-unet.js';
import { convNormAct, linearConv } from './layers.js';
import { leave, openGrid } from './stream.js';

/** Configuration of `iunet3d` and `iunet2d`; `resampling` is `haar` by default. */
export interface IunetConfig extends InvertibleConfig, ResamplingConfig {
  /** Channels at full resolution, both pieces together. At least 2. Default 32. */
  readonly baseChannels?: number;
  /** Resolutions, the full one included. At least 2. Default 4. */
  readonly levels?: number;
  /** Factor between the channels wanted at one level and the next. Default 2. */
  readonly multiplier?: number;
  /** Upper bound of the channels wanted below full resolution. Default none. */
  readonly maxChannels?: number;
  /** Double blocks per level, on the way down and on the way up. Default 1. */
  readonly blocks?: number | readonly number[];
  /**
   * Mixing of all channels before each way down and after each way up: `couplings` are three one-voxel convolutions, which
   * cost little beside the blocks and let any channel go down. Default `none`.
   */
  readonly mixing?: 'couplings' | 'none';
  /** Negative slope of the leaky ReLU. Default 0.01. */
  readonly slope?: number;
}

/** A configuration with all defaults filled in. */
export interface ResolvedIunet extends ResolvedInvertible {
  readonly widths: readonly InvertibleWidth[];
  /** Per level. */
  readonly blocks: readonly number[];
  readonly mixing: 'couplings' | 'none';
  readonly slope: number;
}

/**
 * Fill in defaults and check.
 *
 * @param rank - spatial axes, 2 or 3.
 * @throws ArgumentError naming the field that does not fit.
 */
export function resolveIunet(config: IunetConfig, rank: number): ResolvedIunet {
  const {
    baseChannels = 32,
    levels = 4,
    multiplier = 2,
    maxChannels = Number.POSITIVE_INFINITY,
    resampling = 'haar',
    mixing = 'none',
    slope = 0.01,
  } = config;
  const shared = resolveInvertible(config, levels, rank, resampling, config.parametrisation);
  if (mixing !== 'couplings' && mixing !== 'none') throw new ArgumentError('mixing', 'couplings or none', mixing);
  return {
    ...shared,
    widths: resolveWidths(baseChannels, multiplier, maxChannels, shared.strides),
    blocks: resolveBlocks('blocks', config.blocks, levels, () => 1),
    mixing,
    slope,
  };
}

/**
 * Trace a 3D iUNet.
 *
 * @param x - `[N, C, D, H, W]`, any float dtype; every spatial size a multiple of the product of the strides on its axis, and
 *   more than one voxel left at the lowest level.
 * @returns one entry: raw logits `[N, classes, D, H, W]`, dtype `precision`.
 * @throws ShapeError when the size of x does not fit, ArgumentError when the configuration does not.
 */
export function iunet3d(x: Tensor, config: IunetConfig): Tensor[] {
  return iunet('iunet3d', x, 3, config);
}

/** Trace a 2D iUNet: as `iunet3d`, on `[N, C, H, W]`. */
export function iunet2d(x: Tensor, config: IunetConfig): Tensor[] {
  return iunet('iunet2d', x, 2, config);
}

function iunet(name: string, x: Tensor, rank: number, config: IunetConfig): Tensor[] {
  const g = x.graph;
  checkRank(name, x, rank);
  const net = resolveIunet(config, rank);
  checkInputSize(name, x, net.divisor, net.levels);
  const grid = openGrid(g, 'stream', net.stream, net.precision);
  const style = { slope: net.slope, eps: net.eps, bias: false };
  const kernel = new Array<number>(rank).fill(3);
  const still = new Array<number>(rank).fill(1);

  const [skip, go] = streamStem(cast(x, net.precision), [net.widths[0]!.skip, net.widths[0]!.go], grid);
  const pieces = invertibleUnet(
    { skip, go },
    {
      ...net,
      grid,
      style: { ...net, order: 'channelMajor' },
      first: 'skip',
      encoderBlocks: net.blocks,
      decoderBlocks: net.blocks,
      mixing: net.mixing === 'couplings',
      residual: (piece, channels) => {
        const hidden = Math.max(piece.shape[1]!, channels);
        const inner = g.scope('0', () => convNormAct(piece, hidden, kernel, still, style));
        return g.scope('1', () => convNormAct(inner, channels, kernel, still, style));
      },
    },
  );
  const left = [leave(pieces.skip, grid), leave(pieces.go, grid)];
  return [g.region('head', () => linearConv(left, net.classes, 1, true))];
}
