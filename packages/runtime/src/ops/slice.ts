/** A box of a tensor: `size` elements per axis from `start`. Cropping is slicing. */

import type { Tensor } from '../graph/tensor.js';
import type { OpDefinition } from './op.js';
import { pad } from './pad.js';
import type { AttrSchema } from './schema.js';

const attrs = { start: 'ints', size: 'ints' } as const satisfies AttrSchema;

export const sliceOp: OpDefinition<typeof attrs> = {
  name: 'slice',
  attrs,
  onePass: true,
  infer({ inputs, attrs: { start, size }, fail }) {
    const x = inputs[0]!;
    if (start.length !== x.shape.length || size.length !== x.shape.length)
      fail('start and size need one entry per axis');
    x.shape.forEach((s, i) => {
      if (start[i]! < 0 || size[i]! < 1 || start[i]! + size[i]! > s)
        fail(`axis ${i}: ${start[i]}..${start[i]! + size[i]!} is not within 0..${s}`);
    });
    return [{ shape: size, dtype: x.dtype }];
  },
  gradient({ inputs, grads, attrs: { start, size } }) {
    const { shape } = inputs[0]!;
    return [
      pad(
        grads[0]!,
        start,
        shape.map((s, i) => s - start[i]! - size[i]!),
      ),
    ];
  },
  flops: () => 0,
};

/** The box of `size` from `start` (one entry per axis each). */
export function slice(x: Tensor, start: readonly number[], size: readonly number[]): Tensor {
  return x.graph.emit('slice', [x], { start, size })[0]!;
}
