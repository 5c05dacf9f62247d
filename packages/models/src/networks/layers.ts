/**
 * Building blocks of the networks: convolution with norm and activation, up-sampling, segmentation head. Functions over
 * tensors that declare their parameters in the current scope. Not a module system: a block has no state of its own.
 *
 * Sources: Isensee et al. 2021 (nnU-Net, doi 10.1038/s41592-020-01008-z); He et al. 2015 (arXiv 1502.01852) for the
 * initial weights; Ulyanov et al. 2016 (arXiv 1607.08022) for instance norm.
 */
import { conv, convTranspose, heNormal, instanceNorm, leakyRelu, ONES, ZEROS, type Tensor } from '@revoxel/runtime';

/** What all convolution blocks of a network share. */
export interface BlockStyle {
  /** Negative slope of the leaky ReLU; also that of the He initialisation. */
  readonly slope: number;
  /** Added to the variance in instance norm. */
  readonly eps: number;
  /** Whether convolutions carry a bias. */
  readonly bias: boolean;
}

/**
 * Convolution (zero padding (k - 1) / 2) -> instance norm -> leaky ReLU.
 *
 * Parameters `conv.weight [channels, Ci, ...kernel]`, `conv.bias`, `norm.weight`, `norm.bias` (`[channels]` each).
 * @param x - `[N, Ci, ...]`, or pieces whose channels add up to Ci: a concatenation that is never written to memory.
 * @returns `[N, channels, ...]`, spatial sizes ceil(size / stride) for odd kernels.
 */
export function convNormAct(
  x: Tensor | readonly Tensor[],
  channels: number,
  kernel: readonly number[],
  stride: readonly number[],
  style: BlockStyle,
): Tensor {
  const pieces = 'length' in x ? x : [x];
  const g = pieces[0]!.graph;
  const inputs = pieces.reduce((sum, piece) => sum + piece.shape[1]!, 0);
  const y = g.scope('conv', () => {
    const weight = g.parameter(
      'weight',
      [channels, inputs, ...kernel],
      heNormal(inputs * product(kernel), style.slope),
    );
    const bias = style.bias ? g.parameter('bias', [channels], ZEROS) : undefined;
    return conv(pieces, weight, bias, { stride, padding: 'same' });
  });
  return g.scope('norm', () => {
    const gamma = g.parameter('weight', [channels], ONES);
    const beta = g.parameter('bias', [channels], ZEROS);
    return leakyRelu(instanceNorm(y, gamma, beta, style.eps), style.slope);
  });
}

/**
 * Learned up-sampling: transposed convolution whose kernel equals its stride, with bias.
 *
 * Parameters `weight [Ci, channels, ...stride]`, `bias [channels]`. The fan of the initial weights is channels * kernel,
 * as the field's frameworks count it for a transposed convolution.
 * @param x - `[N, Ci, ...]`.
 * @returns `[N, channels, ...]`, spatial sizes times the stride.
 */
export function upsample(x: Tensor, channels: number, stride: readonly number[], style: BlockStyle): Tensor {
  const g = x.graph;
  const weight = g.parameter(
    'weight',
    [x.shape[1]!, channels, ...stride],
    heNormal(channels * product(stride), style.slope),
  );
  const bias = style.bias ? g.parameter('bias', [channels], ZEROS) : undefined;
  return convTranspose(x, weight, bias, { stride });
}

/**
 * Segmentation head: convolution with a kernel of one voxel and a bias, raw logits.
 *
 * Parameters `weight [classes, Ci, 1, ...]`, `bias [classes]`.
 * @param x - `[N, Ci, ...]`.
 * @returns `[N, classes, ...]`.
 */
export function head(x: Tensor, classes: number, style: BlockStyle): Tensor {
  const g = x.graph;
  const ones = x.shape.slice(2).map(() => 1);
  const weight = g.parameter('weight', [classes, x.shape[1]!, ...ones], heNormal(x.shape[1]!, style.slope));
  return conv(x, weight, g.parameter('bias', [classes], ZEROS));
}

/**
 * Convolution that no activation precedes (zero padding (k - 1) / 2).
 *
 * Parameters `weight [channels, Ci, kernel, ...]`, `bias [channels]`.
 * @param pieces - `[N, Ci, ...]` whose channels add up. @param kernel - odd, the same on every axis.
 * @param variance - of the initial weights, times the fan.
 * @returns `[N, channels, ...]`, same sizes.
 */
export function linearConv(
  pieces: readonly Tensor[],
  channels: number,
  kernel: number,
  bias: boolean,
  variance = 1,
): Tensor {
  const g = pieces[0]!.graph;
  const size = pieces[0]!.shape.slice(2).map(() => kernel);
  const inputs = pieces.reduce((sum, piece) => sum + piece.shape[1]!, 0);
  const init = { kind: 'normal', std: Math.sqrt(variance / (inputs * product(size))) } as const;
  const weight = g.parameter('weight', [channels, inputs, ...size], init);
  return conv(pieces, weight, bias ? g.parameter('bias', [channels], ZEROS) : undefined, { padding: 'same' });
}

/** Product of a list of sizes. */
export function product(sizes: readonly number[]): number {
  return sizes.reduce((a, b) => a * b, 1);
}
