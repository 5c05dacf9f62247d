/**
 * Convolution (cross-correlation, as the field's frameworks define it), 2D and 3D.
 *
 * y[n, o, p] = bias[o] + sum over i, t of x[n, i, p * stride - padBefore + t * dilation] * w[o, i, t]
 *
 * The input may be a list of pieces whose channels add up to Ci: a concatenation that is never written to memory.
 * Weights are [Co, Ci / groups, ...kernel]; in memory [Co][kd][kh][kw][Ci / groups].
 * Operands: x pieces, w, bias if `bias`. With `form` packed, w is the derived copy made by `packWeights`.
 */

import { elementCount, type Shape } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import { convTransposeOf } from './conv-transpose.js';
import { convWeightGrad } from './conv-weight-grad.js';
import { checkSpatial, convOutputSize, perAxis, spatialOf, type PerAxis } from './conv-shape.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = {
  kernel: 'ints',
  stride: 'ints',
  padBefore: 'ints',
  padAfter: 'ints',
  dilation: 'ints',
  groups: 'int',
  outChannels: 'int',
  /** Number of input pieces. */
  pieces: 'int',
  bias: 'bool',
  form: ['plain', 'packed'],
} as const satisfies AttrSchema;

export const convOp: OpDefinition<typeof attrs> = {
  name: 'conv',
  attrs,
  infer(call) {
    const { inputs, attrs: a, fail } = call;
    if (inputs.length !== a.pieces + 1 + (a.bias ? 1 : 0))
      fail(`expects ${a.pieces} pieces, weights${a.bias ? ' and bias' : ''}`);
    const first = inputs[0]!;
    const rank = first.shape.length - 2;
    const { kernel, stride, padBefore, padAfter, dilation } = a;
    checkSpatial(call, rank, { kernel, stride, padBefore, padAfter, dilation }, { kernel: 1, stride: 1, dilation: 1 });
    let channels = 0;
    for (const piece of inputs.slice(0, a.pieces)) {
      if (piece.dtype !== first.dtype) fail(`pieces have dtypes ${first.dtype} and ${piece.dtype}`);
      if (piece.shape.some((s, i) => i !== 1 && s !== first.shape[i]))
        fail('pieces must agree in all axes but channels (axis 1)');
      channels += piece.shape[1]!;
    }
    if (a.groups < 1 || channels % a.groups || a.outChannels % a.groups) {
      fail(`groups ${a.groups} must divide ${channels} input and ${a.outChannels} output channels (axis 1)`);
    }
    const w = inputs[a.pieces]!;
    if (a.form === 'plain') {
      const want: Shape = [a.outChannels, channels / a.groups, ...kernel];
      if (w.shape.length !== want.length || w.shape.some((s, i) => s !== want[i])) {
        fail(
          `${channels} input channels in ${a.groups} group(s) want weights [${want.join(', ')}], got [${w.shape.join(', ')}]`,
        );
      }
    }
    if (a.bias && elementCount(inputs[a.pieces + 1]!.shape) !== a.outChannels) fail(`bias must be [${a.outChannels}]`);
    const size = spatialOf(first.shape).map((s, i) =>
      convOutputSize(s, kernel[i]!, stride[i]!, padBefore[i]!, padAfter[i]!, dilation[i]!),
    );
    return [{ shape: [first.shape[0]!, a.outChannels, ...size], dtype: first.dtype }];
  },
  flops({ inputs, outputs, attrs: a }) {
    const channels = inputs.slice(0, a.pieces).reduce((sum, t) => sum + t.shape[1]!, 0);
    return 2 * elementCount(outputs[0]!.shape) * (channels / a.groups) * elementCount(a.kernel);
  },
  gradient({ inputs, grads, attrs: a, needs }) {
    const dy = grads[0]!;
    const pieces = inputs.slice(0, a.pieces);
    const w = inputs[a.pieces]!;
    // Weights first: x is then free before dx has to be stored.
    const wantsBias = a.bias && needs[a.pieces + 1] === true;
    const parts = needs[a.pieces] || wantsBias ? convWeightGrad(pieces, dy, a, wantsBias) : [];
    let begin = 0;
    const dx = pieces.map((piece, i) => {
      const channelBegin = begin;
      begin += piece.shape[1]!;
      if (!needs[i]) return null;
      return convTransposeOf(dy, w, undefined, {
        ...a,
        outSize: spatialOf(piece.shape),
        channelBegin,
        channelCount: piece.shape[1]!,
      });
    });
    return [...dx, parts[0] ?? null, ...(a.bias ? [parts[1] ?? null] : [])];
  },
};

export interface ConvOptions {
  /** Step per spatial axis; default 1. */
  readonly stride?: PerAxis;
  /** Zeros added on both sides per spatial axis; default 0. `same` keeps ceil(size / stride) for odd kernels. */
  readonly padding?: PerAxis | 'same';
  /** Distance between kernel taps; default 1. */
  readonly dilation?: PerAxis;
  /** Channel groups; default 1. */
  readonly groups?: number;
}

/**
 * Convolution over the spatial axes.
 * @param x - `[N, Ci, D, H, W]` or `[N, Ci, H, W]`, f32 or bf16; or a list of such pieces whose channels add up to Ci.
 * @param weight - `[Co, Ci / groups, ...kernel]` f32.
 * @param bias - `[Co]` f32, or undefined.
 * @returns `[N, Co, ...]`, dtype of x, accumulated in fp32.
 * @throws ShapeError if channels, groups, kernel or bias do not fit.
 */
export function conv(x: Tensor | readonly Tensor[], weight: Tensor, bias?: Tensor, options: ConvOptions = {}): Tensor {
  const pieces = 'length' in x ? x : [x];
  const rank = weight.shape.length - 2;
  const kernel = spatialOf(weight.shape);
  const dilation = perAxis(options.dilation ?? 1, rank);
  const padding =
    options.padding === 'same'
      ? kernel.map((k, i) => Math.floor(((k - 1) * dilation[i]!) / 2))
      : perAxis(options.padding ?? 0, rank);
  return weight.graph.emit('conv', [...pieces, weight, ...(bias ? [bias] : [])], {
    kernel,
    stride: perAxis(options.stride ?? 1, rank),
    padBefore: padding,
    padAfter: padding,
    dilation,
    groups: options.groups ?? 1,
    outChannels: weight.shape[0]!,
    pieces: pieces.length,
    bias: bias !== undefined,
    form: 'plain',
  })[0]!;
}
