/**
 * Coupling blocks and the residual functions inside them. A block adds to each piece of a stream a function of the other
 * one, so that its input can be had back from its output. Not here: storage of the pieces (stream.ts).
 *
 * A residual function begins norm -> leaky ReLU directly on the piece that has just left the stream: the compiler fuses the
 * three, and the activated tensor is all that the convolution behind reads.
 *
 * Sources: Gomez et al. 2017 (arXiv 1707.04585), RevNet; Dinh et al. 2017 (arXiv 1605.08803), affine couplings; He et al.
 * 2016 (arXiv 1603.05027), pre-activation.
 */
import {
  add,
  ArgumentError,
  batchNorm,
  cast,
  conv,
  dropout,
  groupNorm,
  heNormal,
  instanceNorm,
  isFixed,
  leakyRelu,
  mul,
  ONES,
  scale,
  sigmoid,
  split,
  unary,
  ZEROS,
  type Initializer,
  type Tensor,
} from '@revoxel/runtime';
import { product } from './layers.js';
import { coupleAdd, leave, type Grid } from './stream.js';

/** The two pieces of a stream, `[N, C1, ...]` and `[N, C2, ...]`, stored as their grid says. */
export type Pieces = readonly [Tensor, Tensor];

/** A function from one piece, as floats, to what is added to the other: `[N, Ci, ...]` to `[N, Co, ...]`. */
export type Residual = (x: Tensor) => Tensor;

/**
 * Additive double coupling: y1 = x1 + f(x2); y2 = x2 + g(y1). A reversible region of its own. Every channel is updated once.
 *
 * @param name - of the region; parameters of f and g are in the scopes `{name}.f` and `{name}.g`.
 * @param pieces - channels need not be equal. @param f - C2 to C1 channels. @param g - C1 to C2 channels.
 * @returns pieces of the same types.
 * @throws ShapeError when f or g gives another shape than the piece it is added to.
 */
export function reversibleBlock(name: string, pieces: Pieces, f: Residual, g: Residual, grid: Grid): Pieces {
  const [x1, x2] = pieces;
  const builder = x1.graph;
  return builder.region(
    name,
    () => {
      const y1 = builder.scope('f', () => coupleAdd(x1, f(leave(x2, grid)), grid));
      const y2 = builder.scope('g', () => coupleAdd(x2, g(leave(y1, grid)), grid));
      return [y1, y2] as const;
    },
    { reversible: true },
  );
}

/** What tracing a network needs to know besides its configuration. */
export interface TraceOptions {
  /** Whether the graph is for training: batch norm uses the batch's statistics and dropout draws. Default false. */
  readonly training?: boolean;
}

/** How an affine coupling makes its factor a from what the residual function gives: sigmoid(s + 2), or exp(s). */
export type AffineAct = 'sigmoid' | 'exp';

/**
 * Affine double coupling: (t, s) = f(x2), y1 = a(s) x1 + t; then the same with g for y2. Float streams only: its inverse
 * divides and is never exact.
 *
 * @param f - C2 to 2 C1 channels: first the shifts t, then s. @param g - C1 to 2 C2 channels.
 * @throws ArgumentError for a fixed-point grid.
 */
export function affineBlock(
  name: string,
  pieces: Pieces,
  f: Residual,
  g: Residual,
  grid: Grid,
  act: AffineAct = 'sigmoid',
): Pieces {
  if (isFixed(grid.kind))
    throw new ArgumentError('stream', 'a float stream (affine couplings have no exact inverse)', grid.kind);
  const [x1, x2] = pieces;
  const builder = x1.graph;
  const change = (x: Tensor, residual: Residual, other: Tensor): Tensor => {
    const channels = x.shape[1]!;
    const [t, s] = split(residual(leave(other, grid)), [channels, channels]);
    const a = act === 'sigmoid' ? sigmoid(scale(s!, 1, 2)) : unary('exp', s!);
    return add(mul(x, cast(a, x.dtype)), cast(t!, x.dtype));
  };
  return builder.region(
    name,
    () => {
      const y1 = builder.scope('f', () => change(x1, f, x2));
      const y2 = builder.scope('g', () => change(x2, g, y1));
      return [y1, y2] as const;
    },
    { reversible: true },
  );
}

/** Norms of residual functions: over groups of channels, single channels, or the batch with running statistics. */
export type NormKind = 'group' | 'instance' | 'batch';

/** What the residual functions of a network share. */
export interface ResidualStyle {
  readonly norm: NormKind;
  /** Groups of the group norm; they must divide the channels of every piece. */
  readonly groups?: number;
  /** Added to the variance. */
  readonly eps: number;
  /** Negative slope of the leaky ReLU. */
  readonly slope: number;
  /** Probability of dropout, in training. */
  readonly dropout: number;
  /** Whether the graph is for training: batch norm then uses the batch's statistics, and dropout draws. */
  readonly training: boolean;
}

/**
 * Norm -> leaky ReLU. Parameters `norm.weight`, `norm.bias` `[C]`; batch norm keeps the states `norm.mean`,
 * `norm.variance` `[1, C]` too, which training graphs update once a step.
 */
export function normAct(x: Tensor, style: ResidualStyle): Tensor {
  const g = x.graph;
  const channels = x.shape[1]!;
  return g.scope('norm', () => {
    const gamma = g.parameter('weight', [channels], ONES);
    const beta = g.parameter('bias', [channels], ZEROS);
    return leakyRelu(normalised(x, gamma, beta, style), style.slope);
  });
}

function normalised(x: Tensor, gamma: Tensor, beta: Tensor, { norm, groups, eps, training }: ResidualStyle): Tensor {
  const g = x.graph;
  const channels = x.shape[1]!;
  switch (norm) {
    case 'instance':
      return instanceNorm(x, gamma, beta, eps);
    case 'group': {
      if (groups === undefined || channels % groups !== 0)
        throw new ArgumentError('groups', `a divisor of ${channels} channels`, groups);
      return groupNorm(x, gamma, beta, groups, eps);
    }
    case 'batch': {
      const mean = g.state('mean', [1, channels], ZEROS);
      const variance = g.state('variance', [1, channels], ONES);
      if (training) return batchNorm(x, gamma, beta, mean, variance, { training, eps });
      // Running statistics are f32, and so is the arithmetic with them.
      return cast(batchNorm(cast(x, 'f32'), gamma, beta, mean, variance, { training, eps }), x.dtype);
    }
    default:
      return norm satisfies never;
  }
}

/** One convolution of a residual function. */
export interface UnitShape {
  /** Output channels. */
  readonly channels: number;
  /** Odd kernel size on every axis. Default 3. */
  readonly kernel?: number;
  /** Factor on the standard deviation of the initial weights. Default 1. */
  readonly gain?: number;
}

/**
 * Convolution without bias (zero padding (k - 1) / 2). Parameter `conv.weight`.
 * @param x - `[N, Ci, ...]`. @param slope - of the leaky ReLU that x has been through: sets the He initialisation.
 */
export function residualConv(x: Tensor, { channels, kernel = 3, gain = 1 }: UnitShape, slope: number): Tensor {
  const g = x.graph;
  const size = x.shape.slice(2).map(() => kernel);
  const inputs = x.shape[1]!;
  return g.scope('conv', () => {
    const init = scaled(heNormal(inputs * product(size), slope), gain);
    const weight = g.parameter('weight', [channels, inputs, ...size], init);
    return conv(x, weight, undefined, { padding: 'same' });
  });
}

function scaled(init: Initializer, gain: number): Initializer {
  return init.kind === 'normal' ? { kind: 'normal', std: gain * init.std } : init;
}

/**
 * Pre-activation residual function: (norm -> leaky ReLU -> convolution) for every entry of `units`. Parameters
 * `{i}.norm.weight`, `{i}.norm.bias`, `{i}.conv.weight`. Dropout, in training, acts before the last convolution.
 *
 * @param x - `[N, Ci, ...]` of any float dtype.
 * @returns `[N, channels of the last unit, ...]`, dtype of x.
 */
export function preActivation(x: Tensor, units: readonly UnitShape[], style: ResidualStyle): Tensor {
  const g = x.graph;
  return units.reduce(
    (y, unit, i) =>
      g.scope(`${i}`, () => {
        const active = normAct(y, style);
        const kept = i === units.length - 1 && style.training ? dropout(active, style.dropout) : active;
        return residualConv(kept, unit, style.slope);
      }),
    x,
  );
}

/** Options of RevNet's residual functions. */
export interface RevnetOptions {
  /** Channels between the convolutions. Default: `channels` (basic), a quarter of it (bottleneck). */
  readonly hidden?: number;
  /** Default false: running statistics, no dropout. */
  readonly training?: boolean;
  /** Default: batch norm (eps 1e-5), ReLU, no dropout. */
  readonly style?: Partial<Omit<ResidualStyle, 'training'>>;
}

/**
 * RevNet's basic residual function: (batch norm -> ReLU -> 3x3 convolution) twice; 2D and 3D.
 *
 * @param channels - of the result.
 * @see Gomez et al. 2017 (arXiv 1707.04585)
 */
export function revnetBasic(x: Tensor, channels: number, options: RevnetOptions = {}): Tensor {
  const { hidden = channels } = options;
  return preActivation(x, [{ channels: hidden }, { channels }], revnetStyle(options));
}

/**
 * RevNet's bottleneck: batch norm -> ReLU -> convolution with kernels 1, 3, 1; 2D and 3D.
 *
 * @param channels - of the result.
 * @see Gomez et al. 2017 (arXiv 1707.04585)
 */
export function revnetBottleneck(x: Tensor, channels: number, options: RevnetOptions = {}): Tensor {
  const { hidden = Math.max(1, Math.floor(channels / 4)) } = options;
  const units = [{ channels: hidden, kernel: 1 }, { channels: hidden }, { channels, kernel: 1 }];
  return preActivation(x, units, revnetStyle(options));
}

function revnetStyle({ training = false, style = {} }: RevnetOptions): ResidualStyle {
  return { norm: 'batch', eps: 1e-5, slope: 0, dropout: 0, ...style, training };
}
