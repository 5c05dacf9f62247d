/** The same elements, in logical C order, under another shape. */

import { elementCount, sameShape, type Shape } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = { shape: 'ints' } as const satisfies AttrSchema;

export const reshapeOp: OpDefinition<typeof attrs> = {
  name: 'reshape',
  attrs,
  infer({ inputs, attrs: { shape }, fail }) {
    const x = inputs[0]!;
    if (elementCount(x.shape) !== elementCount(shape))
      fail(`${elementCount(x.shape)} elements cannot become [${shape.join(', ')}]`);
    return [{ shape, dtype: x.dtype }];
  },
  gradient: ({ inputs, grads }) => [reshape(grads[0]!, inputs[0]!.shape)],
  inPlace({ inputs, outputs }) {
    // Memory order equals logical order up to rank 2 and where there is one channel: then nothing has to move.
    const flat = (shape: Shape): boolean =>
      shape.length < 3 || shape[1] === 1 || elementCount(shape) === shape[0]! * shape[1]!;
    return flat(inputs[0]!.shape) && flat(outputs[0]!.shape) ? [[0, 0]] : [];
  },
  recover: (_index, _attrs, inputs) => ({ exact: true, stream: true, emit: ([y]) => reshape(y!, inputs[0]!.shape) }),
  flops: () => 0,
};

/** View the elements (logical C order) under another shape of as many elements. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : x.graph.emit('reshape', [x], { shape })[0]!;
}
