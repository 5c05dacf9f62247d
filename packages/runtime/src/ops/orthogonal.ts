/**
 * Orthogonal matrices from free numbers, one per row of the operand: computed in float64, stored f32.
 *
 *   exp     W [C, n, n]: A = W - W^T, Q = exp(A)
 *   cayley  W [C, n, n]: A = W - W^T, Q = (I + A)^-1 (I - A)
 *   givens  angles [C, n (n - 1) / 2]: the product of rotations as `resample` applies them, pairs (i, j) in lexicographic
 *           order, the first applied first: a' = cos t a - sin t b, b' = sin t a + cos t b for (a, b) = (x_i, x_j)
 *
 * Result Q [C, n, n] f32.
 * @see Etmann et al. 2020 (arXiv 2005.05220); Lezcano-Casado and Martinez-Rubio 2019 (arXiv 1901.08428)
 */

import { elementCount } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema, AttrsOf } from './schema.js';

export const ORTHOGONAL_KINDS = ['exp', 'cayley', 'givens'] as const;

const attrs = { kind: ORTHOGONAL_KINDS, size: 'int' } as const satisfies AttrSchema;

/** Parametrisations of orthogonal matrices. */
export type OrthogonalKind = AttrsOf<typeof attrs>['kind'];

/** Shape of the free numbers of `count` matrices. @internal */
export function freeShape(kind: OrthogonalKind, count: number, size: number): number[] {
  return kind === 'givens' ? [count, (size * (size - 1)) / 2] : [count, size, size];
}

export const orthogonalOp: OpDefinition<typeof attrs> = {
  name: 'orthogonal',
  attrs,
  infer({ inputs, attrs: { kind, size }, fail }) {
    const w = inputs[0];
    if (!w || inputs.length !== 1 || w.dtype !== 'f32') return fail('expects one f32 operand');
    const count = w.shape[0]!;
    const want = freeShape(kind, count, size);
    if (w.shape.length !== want.length || w.shape.some((s, i) => s !== want[i]))
      fail(`expects [${want.join(', ')}], got [${w.shape.join(', ')}]`);
    return [{ shape: [count, size, size], dtype: 'f32' }];
  },
  gradient: ({ inputs, grads, attrs: a }) => [inputs[0]!.graph.emit('orthogonalGrad', [inputs[0]!, grads[0]!], a)[0]!],
  flops: ({ outputs, attrs: { size } }) => 40 * elementCount(outputs[0]!.shape) * size,
};

/** Orthogonal matrices `[C, n, n]`. @param w - f32 `[C, n, n]`, or angles `[C, n (n - 1) / 2]` for `givens`. */
export function orthogonal(w: Tensor, kind: OrthogonalKind, size: number): Tensor {
  return w.graph.emit('orthogonal', [w], { kind, size })[0]!;
}
