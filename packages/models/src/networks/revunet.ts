/**
 * RevUNet: a lossless wavelet U, our own design. Its stream is never pooled, cropped or copied. At every level an integer
 * Haar transform of the `go` piece puts its low-pass bands first; the first bands, as many as the width of the next level
 * asks for, go further down, and the remaining high-pass bands stay behind as that level's skip piece. Couplings between
 * the two unequal pieces do all the work. So the whole network between stem and heads can be inverted, exactly in fixed
 * point: the only activations a training step has to keep are the heads' inputs, and wide context costs no memory.
 *
 * Residual functions are pre-activated: twice (instance norm -> leaky ReLU -> convolution). The last convolution starts at
 * a fraction of the usual weights, which bounds how fast the stream grows and so keeps it inside the range of fixed point.
 *
 * Parameter names, with level l from 0 (full resolution): `stem.{p}.weight` (0 skip, 1 go); `encoder.{l}.block{i}.f.{j}...`
 * and `.g.{j}...` with `norm.weight`, `norm.bias`, `conv.weight`; the same under `decoder.{l}`; `decoder.{l}.head.weight`,
 * `.bias`, `.{p}.norm.weight`, `.bias`. State: `stream.exponent`.
 *
 * Sources: couplings and skips of an invertible U, Etmann et al. 2020 (arXiv 2005.05220); integer wavelets, Calderbank et
 * al. 1998; fixed-point streams, MacKay et al. 2018 (arXiv 1810.10999); deep supervision as in Isensee et al. 2021.
 */
import { ArgumentError, cast, type Tensor } from '@revoxel/runtime';
import { checkInputSize } from './input-size.js';
import {
  resolveBlocks,
  resolveInvertible,
  resolveWidths,
  type InvertibleConfig,
  type ResolvedInvertible,
} from './invertible-config.js';
import { invertibleUnet, streamHead, streamStem, type InvertibleWidth } from './invertible-unet.js';
import { preActivation, type ResidualStyle, type TraceOptions } from './reversible-block.js';
import { openGrid } from './stream.js';
import { probabilityBelowOne, resolveHeads } from './unet-config.js';

/** Configuration of `revunet3d`. */
export interface RevunetConfig extends InvertibleConfig {
  /** Channels at full resolution, both pieces together. At least 2. Default 32. */
  readonly baseChannels?: number;
  /** Resolutions, the full one included. At least 2. Default 5. */
  readonly levels?: number;
  /** Factor between the channels of one level and the next. Default 2. */
  readonly multiplier?: number;
  /** Upper bound of the channels below full resolution. Default 320. */
  readonly maxChannels?: number;
  /** Blocks per level on the way down, the lowest level included. Default 1, 1, 2, 2, ... */
  readonly encoderBlocks?: number | readonly number[];
  /** Blocks per level on the way up (`levels` - 1 levels, the full resolution first). Default 1. */
  readonly decoderBlocks?: number | readonly number[];
  /** Heads at lower resolutions too: true for one per decoder level, or how many. Default false, which is 1. */
  readonly deepSupervision?: boolean | number;
  /** Initial standard deviation of each residual function's last convolution, as a part of the usual one. Default 0.5. */
  readonly residualScale?: number;
  /** Probability of dropout in the residual functions, in training. Default 0. */
  readonly dropout?: number;
  /** Negative slope of the leaky ReLU. Default 0.01. */
  readonly slope?: number;
}

/** A configuration with all defaults filled in. */
export interface ResolvedRevunet extends ResolvedInvertible {
  readonly widths: readonly InvertibleWidth[];
  readonly encoderBlocks: readonly number[];
  readonly decoderBlocks: readonly number[];
  readonly heads: number;
  readonly residualScale: number;
  readonly dropout: number;
  readonly slope: number;
}

/**
 * Fill in defaults and check.
 *
 * @param rank - spatial axes, 2 or 3.
 * @throws ArgumentError naming the field that does not fit.
 */
export function resolveRevunet(config: RevunetConfig, rank: number): ResolvedRevunet {
  const {
    baseChannels = 32,
    levels = 5,
    multiplier = 2,
    maxChannels = 320,
    residualScale = 0.5,
    dropout = 0,
    slope = 0.01,
  } = config;
  const shared = resolveInvertible(config, levels, rank, 'haar');
  if (!(residualScale >= 0)) throw new ArgumentError('residualScale', 'a number of at least 0', residualScale);
  probabilityBelowOne('dropout', dropout);
  return {
    ...shared,
    widths: resolveWidths(baseChannels, multiplier, maxChannels, shared.strides),
    encoderBlocks: resolveBlocks('encoderBlocks', config.encoderBlocks, levels, (l) => (l < 2 ? 1 : 2)),
    decoderBlocks: resolveBlocks('decoderBlocks', config.decoderBlocks, levels - 1, () => 1),
    heads: resolveHeads(config.deepSupervision, levels - 1),
    residualScale,
    dropout,
    slope,
  };
}

/**
 * Trace a RevUNet.
 *
 * @param x - `[N, C, D, H, W]` or `[N, C, H, W]`, any float dtype; every spatial size a multiple of the product of the strides
 *   on its axis, and more than one voxel left at the lowest level.
 * @returns raw logits: `[N, classes, ...]` at full resolution first, then with deep supervision those of the next lower
 *   levels. dtype `precision`.
 * @throws ShapeError when the size of x does not fit, ArgumentError when the configuration does not.
 */
export function revunet3d(x: Tensor, config: RevunetConfig, { training = false }: TraceOptions = {}): Tensor[] {
  const g = x.graph;
  const net = resolveRevunet(config, x.shape.length - 2);
  checkInputSize('revunet3d', x, net.divisor, net.levels);
  const grid = openGrid(g, 'stream', net.stream, net.precision);
  const style: ResidualStyle = { norm: 'instance', eps: net.eps, slope: net.slope, dropout: net.dropout, training };
  const logits: Tensor[] = [];

  const [skip, go] = streamStem(cast(x, net.precision), [net.widths[0]!.skip, net.widths[0]!.go], grid);
  invertibleUnet(
    { skip, go },
    {
      ...net,
      grid,
      style: { ...net, order: 'offsetMajor' },
      first: 'go',
      mixing: false,
      residual: (piece, channels) =>
        preActivation(
          piece,
          [{ channels: Math.max(piece.shape[1]!, channels) }, { channels, gain: net.residualScale }],
          style,
        ),
      decoded: (level, pieces) => {
        if (level >= net.heads) return;
        const head = g.region(`decoder.${level}.head`, () =>
          streamHead([pieces.skip, pieces.go], net.classes, style, grid),
        );
        logits.unshift(head);
      },
    },
  );
  return logits;
}
