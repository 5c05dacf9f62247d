/**
 * Cut a tensor into pieces along its channels (axis 1): the way in which a stream divides. The pieces are tensors of
 * their own, so that each may change, wait or go down a level by itself. Operand x; one result per entry of `sizes`.
 */

import { concat } from './concat.js';
import { fill } from './fill.js';
import type { Tensor } from '../graph/tensor.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = { sizes: 'ints' } as const satisfies AttrSchema;

export const splitOp: OpDefinition<typeof attrs> = {
  name: 'split',
  attrs,
  onePass: true,
  infer({ inputs, attrs: { sizes }, fail }) {
    const x = inputs[0];
    if (!x || inputs.length !== 1 || x.shape.length < 2) return fail('expects one operand with axes N and C');
    const total = sizes.reduce((a, b) => a + b, 0);
    if (sizes.length === 0 || sizes.some((s) => s < 1) || total !== x.shape[1])
      fail(`sizes [${sizes.join(', ')}] must be positive and add up to ${x.shape[1]} channels (axis 1)`);
    return sizes.map((size) => ({ shape: x.shape.map((s, axis) => (axis === 1 ? size : s)), dtype: x.dtype }));
  },
  gradient({ outputs, grads }) {
    const known = grads.find((t) => t !== null)!;
    // A piece that nothing depends on has gradient zero.
    return [
      concat(
        grads.map((t, i) => t ?? fill(known.graph, outputs[i]!.shape, 0, known.dtype)),
        1,
      ),
    ];
  },
  recover: (_index, { sizes }) => ({
    exact: true,
    stream: true,
    outputs: sizes.map((_, i) => i),
    emit: (outputs) =>
      concat(
        outputs.map((t) => t!),
        1,
      ),
  }),
  flops: () => 0,
};

/** Pieces of x along its channels (axis 1). @param sizes - channels of each piece; they add up to those of x. */
export function split(x: Tensor, sizes: readonly number[]): Tensor[] {
  return x.graph.emit('split', [x], { sizes });
}
