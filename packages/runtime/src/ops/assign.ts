/** Overwrite persistent state with a value of the same shape: running statistics. Operands state, value; result the state. */

import { sameShape } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = {} as const satisfies AttrSchema;

export const assignOp: OpDefinition<typeof attrs> = {
  name: 'assign',
  attrs,
  infer({ inputs, fail }) {
    const [state, value] = inputs;
    return state && value && sameShape(state.shape, value.shape) && state.dtype === value.dtype
      ? [state]
      : fail('expects state and value of one type');
  },
  mutates: [[0, 0]],
  effect: 'state',
  flops: () => 0,
};

/** Overwrite `state` with `value`. */
export function assign(state: Tensor, value: Tensor): void {
  state.graph.emit('assign', [state, value], {});
}
