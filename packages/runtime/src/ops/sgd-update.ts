/**
 * SGD with momentum, in place: g' = factor * g + weightDecay * w; m = momentum * m + g';
 * w -= lr * (nesterov ? g' + momentum * m : m). Nothing changes when the factor is negative (see `lossScaleUpdate`). Operands w, g, m, lr [], factor []; results w, m (overwritten).
 * @see Sutskever et al. 2013, in the form common to the field's frameworks
 */

import { elementCount } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema, AttrsOf } from './schema.js';

const attrs = { momentum: 'float', weightDecay: 'float', nesterov: 'bool' } as const satisfies AttrSchema;

export const sgdUpdateOp: OpDefinition<typeof attrs> = {
  name: 'sgdUpdate',
  attrs,
  infer: ({ inputs, fail }) => (inputs.length === 5 ? [inputs[0]!, inputs[2]!] : fail('expects w, g, m, lr, factor')),
  mutates: [
    [0, 0],
    [1, 2],
  ],
  effect: 'state',
  flops: ({ inputs }) => 8 * elementCount(inputs[0]!.shape),
};

/** Update a parameter and its momentum in place. */
export function sgdUpdate(w: Tensor, g: Tensor, m: Tensor, lr: Tensor, factor: Tensor, a: AttrsOf<typeof attrs>): void {
  w.graph.emit('sgdUpdate', [w, g, m, lr, factor], a);
}
