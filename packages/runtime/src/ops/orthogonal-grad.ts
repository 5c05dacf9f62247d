/**
 * Reverse rule of `orthogonal`. Operands: its free numbers W, dQ [C, n, n]; result: shape of W, f32, computed in float64.
 *
 *   exp     dA = L(A^T, dQ), from exp([[M, E], [0, M]]) = [[exp M, L(M, E)], [0, exp M]];  dW = dA - dA^T
 *   cayley  dA = -2 (I - A)^-1 dQ (I - A)^-1;  dW = dA - dA^T
 *   givens  by the chain of rotations, backwards
 */

import { elementCount } from '../graph/shape.js';
import type { OpDefinition } from './op.js';
import { freeShape, ORTHOGONAL_KINDS } from './orthogonal.js';
import type { AttrSchema } from './schema.js';

const attrs = { kind: ORTHOGONAL_KINDS, size: 'int' } as const satisfies AttrSchema;

export const orthogonalGradOp: OpDefinition<typeof attrs> = {
  name: 'orthogonalGrad',
  attrs,
  infer({ inputs, attrs: { kind, size }, fail }) {
    const [w, dq] = inputs;
    if (!w || !dq || inputs.length !== 2 || elementCount(dq.shape) !== w.shape[0]! * size * size)
      return fail('expects W and dQ');
    return [{ shape: freeShape(kind, w.shape[0]!, size), dtype: 'f32' }];
  },
  flops: ({ inputs, attrs: { size } }) => 200 * elementCount(inputs[1]!.shape) * size,
};
