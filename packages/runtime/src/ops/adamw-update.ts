/**
 * AdamW, in place: g' = factor * g; m = beta1 m + (1 - beta1) g'; v = beta2 v + (1 - beta2) g'^2; with t = step + 1,
 * w -= lr * weightDecay * w; w -= lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps).
 * Nothing changes when the factor is negative (see `lossScaleUpdate`).
 * Operands w, g, m, v, lr [], factor [], step [] u32; results w, m, v (overwritten).
 * @see Loshchilov and Hutter 2019 (arXiv 1711.05101)
 */

import { elementCount } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema, AttrsOf } from './schema.js';

const attrs = { beta1: 'float', beta2: 'float', eps: 'float', weightDecay: 'float' } as const satisfies AttrSchema;

export const adamwUpdateOp: OpDefinition<typeof attrs> = {
  name: 'adamwUpdate',
  attrs,
  infer: ({ inputs, fail }) =>
    inputs.length === 7 ? [inputs[0]!, inputs[2]!, inputs[3]!] : fail('expects w, g, m, v, lr, factor, step'),
  mutates: [
    [0, 0],
    [1, 2],
    [2, 3],
  ],
  effect: 'state',
  flops: ({ inputs }) => 14 * elementCount(inputs[0]!.shape),
};

/** Update a parameter and its moments in place. */
export function adamwUpdate(
  w: Tensor,
  g: Tensor,
  m: Tensor,
  v: Tensor,
  lr: Tensor,
  factor: Tensor,
  step: Tensor,
  a: AttrsOf<typeof attrs>,
): void {
  w.graph.emit('adamwUpdate', [w, g, m, v, lr, factor, step], a);
}
