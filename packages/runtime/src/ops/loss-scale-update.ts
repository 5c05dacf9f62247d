/**
 * Dynamic loss scaling, for gradients in f16: the loss was multiplied by the scale, so that small gradients stay above the
 * smallest half. This undoes it and chooses the scale of the next step.
 *
 * Operands scale [], streak [] (good steps since the scale last moved), squares [] (sum of squares of all scaled
 * gradients); results scale and streak (overwritten), norm [], factor []. All f32:
 *
 *   good = squares is finite
 *   norm = good ? sqrt(squares) / scale : scale > 1 ? 0 : squares
 *   factor = good ? min(1, limit / (norm + 1e-6)) / scale : -1          (limit 0: none)
 *   streak = good ? streak + 1 : 0;  scale = good ? scale : max(scale / 2, 1)
 *   streak = interval: scale = min(2 * scale, 2^24), streak = 0
 *
 * `factor` unscales and clips in the updates (`sgdUpdate`, `adamwUpdate`), which do nothing when it is negative: the step is
 * skipped. Gradients that are not finite although nothing was scaled are no overflow: then the norm says so.
 * @see Micikevicius et al. 2018 (arXiv 1710.03740)
 */

import type { Tensor } from '../graph/tensor.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema, AttrsOf } from './schema.js';

const attrs = {
  /** Good steps after which the scale doubles. */
  interval: 'int',
  /** Largest norm allowed, 0 for none. */
  limit: 'float',
} as const satisfies AttrSchema;

/** Bounds of the scale, and what keeps the quotient finite when all gradients are zero. */
export const LOSS_SCALE = { least: 1, most: 2 ** 24, epsilon: 1e-6 } as const;

export const lossScaleUpdateOp: OpDefinition<typeof attrs> = {
  name: 'lossScaleUpdate',
  attrs,
  infer({ inputs, attrs: a, fail }) {
    const [scale, streak] = inputs;
    if (inputs.length !== 3) fail('expects scale, streak and squares');
    if (inputs.some((t) => t.dtype !== 'f32' || t.shape.length !== 0)) fail('operands must be f32 scalars');
    if (a.interval < 1 || a.limit < 0) fail('interval must be at least 1 and limit not negative');
    return [scale!, streak!, { shape: [], dtype: 'f32' }, { shape: [], dtype: 'f32' }];
  },
  mutates: [
    [0, 0],
    [1, 1],
  ],
  effect: 'state',
  flops: () => 8,
};

/** Norm of the unscaled gradients, and what the updates multiply gradients with. */
export function lossScaleUpdate(
  scale: Tensor,
  streak: Tensor,
  squares: Tensor,
  a: AttrsOf<typeof attrs>,
): { readonly norm: Tensor; readonly factor: Tensor } {
  const [, , norm, factor] = scale.graph.emit('lossScaleUpdate', [scale, streak, squares], a);
  return { norm: norm!, factor: factor! };
}
