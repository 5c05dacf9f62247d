/**
 * Max and average pooling. Padding never wins a maximum; in an average it counts as zeros when `countPadding`, and is
 * left out of numerator and denominator otherwise. Maxima may be taken of fixed-point tensors too.
 */

import { isFixed } from '../graph/dtype.js';
import { elementCount } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import { checkSpatial, convOutputSize, perAxis, spatialOf, type PerAxis } from './conv-shape.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = {
  kind: ['max', 'avg'],
  kernel: 'ints',
  stride: 'ints',
  padBefore: 'ints',
  padAfter: 'ints',
  countPadding: 'bool',
} as const satisfies AttrSchema;

export const poolOp: OpDefinition<typeof attrs> = {
  name: 'pool',
  attrs,
  onePass: true,
  infer(call) {
    const { inputs, attrs: a, fail } = call;
    const x = inputs[0]!;
    if (a.kind === 'avg' && isFixed(x.dtype)) fail('averages of fixed-point numbers are not exact; dequantize first');
    const rank = x.shape.length - 2;
    const { kernel, stride, padBefore, padAfter } = a;
    checkSpatial(call, rank, { kernel, stride, padBefore, padAfter }, { kernel: 1, stride: 1 });
    if (kernel.some((k, i) => padBefore[i]! >= k || padAfter[i]! >= k)) fail('padding must be smaller than the kernel');
    const size = spatialOf(x.shape).map((s, i) =>
      convOutputSize(s, kernel[i]!, stride[i]!, padBefore[i]!, padAfter[i]!, 1),
    );
    return [{ shape: [x.shape[0]!, x.shape[1]!, ...size], dtype: x.dtype }];
  },
  gradient: ({ inputs, grads, attrs: a }) => [grads[0]!.graph.emit('poolGrad', [inputs[0]!, grads[0]!], a)[0]!],
  flops: ({ outputs, attrs: a }) => elementCount(outputs[0]!.shape) * elementCount(a.kernel),
};

export interface PoolOptions {
  /** Default: the kernel. */
  readonly stride?: PerAxis;
  readonly padding?: PerAxis;
  /** Averages count padding as zeros; default true. */
  readonly countPadding?: boolean;
}

function pool(kind: 'max' | 'avg', x: Tensor, kernel: PerAxis, options: PoolOptions): Tensor {
  const rank = x.shape.length - 2;
  const padding = perAxis(options.padding ?? 0, rank);
  return x.graph.emit('pool', [x], {
    kind,
    kernel: perAxis(kernel, rank),
    stride: perAxis(options.stride ?? kernel, rank),
    padBefore: padding,
    padAfter: padding,
    countPadding: options.countPadding ?? true,
  })[0]!;
}

/** Largest value of every window. */
export function maxPool(x: Tensor, kernel: PerAxis, options: PoolOptions = {}): Tensor {
  return pool('max', x, kernel, options);
}

/** Mean of every window. */
export function avgPool(x: Tensor, kernel: PerAxis, options: PoolOptions = {}): Tensor {
  return pool('avg', x, kernel, options);
}
