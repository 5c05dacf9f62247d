/**
 * Transposed convolution: the gradient of a convolution with respect to (a slice of) its input, and the learned
 * up-sampling of a U-Net. With the convolution's weights w [Co, Ci / groups, ...kernel]:
 *
 * x[n, i, q] = bias[i] + sum over o, t, p with p * stride - padBefore + t * dilation = q of y[n, o, p] * w[o, i, t]
 *
 * Operands: y [N, Co, ...], w, bias if `bias`. Result [N, channelCount, ...outSize]: the channels channelBegin ...
 * channelBegin + channelCount - 1 of all Ci.
 */

import { internal } from '../errors.js';
import { elementCount } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import { convWeightGrad } from './conv-weight-grad.js';
import { checkSpatial, convOutputSize, perAxis, spatialOf, type PerAxis } from './conv-shape.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema, AttrsOf } from './schema.js';

const attrs = {
  kernel: 'ints',
  stride: 'ints',
  padBefore: 'ints',
  padAfter: 'ints',
  dilation: 'ints',
  groups: 'int',
  /** Spatial size of the result. */
  outSize: 'ints',
  /** Input channels of the convolution whose transpose this is (all of them). */
  inChannels: 'int',
  channelBegin: 'int',
  channelCount: 'int',
  bias: 'bool',
  form: ['plain', 'packed'],
} as const satisfies AttrSchema;

export const convTransposeOp: OpDefinition<typeof attrs> = {
  name: 'convTranspose',
  attrs,
  infer(call) {
    const { inputs, attrs: a, fail } = call;
    if (inputs.length !== 2 + (a.bias ? 1 : 0)) fail('expects input, weights and (if `bias`) a bias');
    const [y, w] = [inputs[0]!, inputs[1]!];
    const rank = y.shape.length - 2;
    const { kernel, stride, padBefore, padAfter, dilation, outSize } = a;
    checkSpatial(
      call,
      rank,
      { kernel, stride, padBefore, padAfter, dilation, outSize },
      { kernel: 1, stride: 1, dilation: 1, outSize: 1 },
    );
    const co = y.shape[1]!;
    if (co % a.groups || a.inChannels % a.groups)
      fail(`groups ${a.groups} must divide ${co} and ${a.inChannels} channels`);
    if (a.form === 'plain') {
      const want = [co, a.inChannels / a.groups, ...kernel];
      if (w.shape.length !== want.length || w.shape.some((s, i) => s !== want[i])) {
        fail(`${co} channels (axis 1) want weights [${want.join(', ')}], got [${w.shape.join(', ')}]`);
      }
    }
    if (a.channelBegin < 0 || a.channelCount < 1 || a.channelBegin + a.channelCount > a.inChannels)
      fail('channel slice out of range');
    if (a.bias && elementCount(inputs[2]!.shape) !== a.channelCount) fail(`bias must be [${a.channelCount}]`);
    spatialOf(y.shape).forEach((s, i) => {
      const back = convOutputSize(outSize[i]!, kernel[i]!, stride[i]!, padBefore[i]!, padAfter[i]!, dilation[i]!);
      if (back !== s)
        fail(`spatial axis ${i}: size ${s} does not belong to an output of ${outSize[i]} (which would give ${back})`);
    });
    return [{ shape: [y.shape[0]!, a.channelCount, ...outSize], dtype: y.dtype }];
  },
  flops({ inputs, attrs: a }) {
    return (2 * elementCount(inputs[0]!.shape) * a.channelCount * elementCount(a.kernel)) / a.groups;
  },
  gradient({ inputs, grads, attrs: a, needs }) {
    const [y, w] = [inputs[0]!, inputs[1]!];
    const dx = grads[0]!;
    if (a.channelCount !== a.inChannels)
      internal('a channel slice of convTranspose arises in backward passes only and has no gradient');
    const { kernel, stride, padBefore, padAfter, dilation, groups } = a;
    const dw = needs[1] ? convWeightGrad([dx], y, a, false)[0]! : null;
    const forward = {
      kernel,
      stride,
      padBefore,
      padAfter,
      dilation,
      groups,
      outChannels: y.shape[1]!,
      pieces: 1,
      bias: false,
      form: 'plain',
    } as const;
    const dy = needs[0] ? w.graph.emit('conv', [dx, w], forward)[0]! : null;
    const db = a.bias
      ? needs[2]
        ? w.graph.emit('reduce', [dx], {
            kind: 'sum',
            axes: dx.shape.map((_, i) => i).filter((i) => i !== 1),
            keepDims: false,
          })[0]!
        : null
      : undefined;
    return db === undefined ? [dy, dw] : [dy, dw, db];
  },
};

/** The transpose of a convolution with these attributes. @internal */
export function convTransposeOf(
  y: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  a: Pick<
    AttrsOf<typeof attrs>,
    'kernel' | 'stride' | 'padBefore' | 'padAfter' | 'dilation' | 'groups' | 'outSize' | 'channelBegin' | 'channelCount'
  >,
): Tensor {
  return weight.graph.emit('convTranspose', [y, weight, ...(bias ? [bias] : [])], {
    kernel: a.kernel,
    stride: a.stride,
    padBefore: a.padBefore,
    padAfter: a.padAfter,
    dilation: a.dilation,
    groups: a.groups,
    outSize: a.outSize,
    inChannels: weight.shape[1]! * a.groups,
    channelBegin: a.channelBegin,
    channelCount: a.channelCount,
    bias: bias !== undefined,
    form: 'plain',
  })[0]!;
}

export interface ConvTransposeOptions {
  readonly stride?: PerAxis;
  readonly padding?: PerAxis;
  /** Added to the size of one side of the result, per axis; < stride. */
  readonly outputPadding?: PerAxis;
  readonly dilation?: PerAxis;
  readonly groups?: number;
}

/**
 * Transposed convolution over the spatial axes.
 * @param x - `[N, Ci, ...]`, f32 or bf16.
 * @param weight - `[Ci, Co / groups, ...kernel]` f32, as in the field's frameworks.
 * @param bias - `[Co]` f32, or undefined.
 * @returns `[N, Co, ...]` with size (s - 1) * stride - 2 * padding + dilation * (k - 1) + outputPadding + 1 per axis.
 * @throws ShapeError if the operands do not fit.
 */
export function convTranspose(x: Tensor, weight: Tensor, bias?: Tensor, options: ConvTransposeOptions = {}): Tensor {
  const rank = weight.shape.length - 2;
  const kernel = spatialOf(weight.shape);
  const stride = perAxis(options.stride ?? 1, rank);
  const padding = perAxis(options.padding ?? 0, rank);
  const dilation = perAxis(options.dilation ?? 1, rank);
  const extra = perAxis(options.outputPadding ?? 0, rank);
  const groups = options.groups ?? 1;
  const outSize = spatialOf(x.shape).map(
    (s, i) => (s - 1) * stride[i]! - 2 * padding[i]! + dilation[i]! * (kernel[i]! - 1) + extra[i]! + 1,
  );
  const channels = weight.shape[1]! * groups;
  return convTransposeOf(x, weight, bias, {
    kernel,
    stride,
    padBefore: padding,
    padAfter: padding,
    dilation,
    groups,
    outSize,
    channelBegin: 0,
    channelCount: channels,
  });
}
