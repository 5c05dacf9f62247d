/** Repeat along axes of size 1 (or a scalar along all axes). */

import { broadcastShapes, sameShape, type Shape } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import type { OpDefinition } from './op.js';
import { reduceTo } from './reduce.js';
import type { AttrSchema } from './schema.js';

const attrs = { shape: 'ints' } as const satisfies AttrSchema;

export const broadcastOp: OpDefinition<typeof attrs> = {
  name: 'broadcast',
  attrs,
  onePass: true,
  infer({ inputs, attrs: { shape }, fail }) {
    const x = inputs[0]!;
    const joint = broadcastShapes(x.shape, shape);
    if (!joint || !sameShape(joint, shape)) fail(`cannot be broadcast to [${shape.join(', ')}]`);
    return [{ shape, dtype: x.dtype }];
  },
  gradient: ({ inputs, grads }) => [reduceTo(grads[0]!, inputs[0]!.shape)],
  flops: () => 0,
};

/** Repeat `x` to `shape`; axes of x are equal or 1, or x is a scalar. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : x.graph.emit('broadcast', [x], { shape })[0]!;
}
