/** Add a constant border. */

import type { Tensor } from '../graph/tensor.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';
import { slice } from './slice.js';

const attrs = { before: 'ints', after: 'ints', value: 'float' } as const satisfies AttrSchema;

export const padOp: OpDefinition<typeof attrs> = {
  name: 'pad',
  attrs,
  onePass: true,
  infer({ inputs, attrs: { before, after }, fail }) {
    const x = inputs[0]!;
    if (before.length !== x.shape.length || after.length !== x.shape.length)
      fail('before and after need one entry per axis');
    if ([...before, ...after].some((p) => p < 0)) fail('padding must not be negative; use slice to crop');
    return [{ shape: x.shape.map((s, i) => s + before[i]! + after[i]!), dtype: x.dtype }];
  },
  gradient: ({ inputs, grads, attrs: { before } }) => [slice(grads[0]!, before, inputs[0]!.shape)],
  recover: (_index, { before }, inputs) => ({ exact: true, emit: ([y]) => slice(y!, before, inputs[0]!.shape) }),
  flops: () => 0,
};

/** Add `before` and `after` elements of `value` per axis. */
export function pad(x: Tensor, before: readonly number[], after: readonly number[], value = 0): Tensor {
  return x.graph.emit('pad', [x], { before, after, value })[0]!;
}
