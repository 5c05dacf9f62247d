/** Softmax over the channel axis (axis 1), stabilised by the maximum. */

import { elementCount } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = {} as const satisfies AttrSchema;

export const softmaxOp: OpDefinition<typeof attrs> = {
  name: 'softmax',
  attrs,
  infer({ inputs, fail }) {
    return inputs.length === 1 && inputs[0]!.shape.length >= 2
      ? [inputs[0]!]
      : fail('expects one operand with axes N, C, ...');
  },
  gradient: ({ outputs, grads }) => [grads[0]!.graph.emit('softmaxGrad', [outputs[0]!, grads[0]!], {})[0]!],
  inPlace: () => [[0, 0]],
  flops: ({ inputs }) => 12 * elementCount(inputs[0]!.shape),
};

/** Softmax over channels. @param x - `[N, C, ...]`. */
export function softmax(x: Tensor): Tensor {
  return x.graph.emit('softmax', [x], {})[0]!;
}
