/** Matrix product [M, K] x [K, N], either operand optionally transposed. */

import type { Tensor } from '../graph/tensor.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = { transposeA: 'bool', transposeB: 'bool' } as const satisfies AttrSchema;

export const matmulOp: OpDefinition<typeof attrs> = {
  name: 'matmul',
  attrs,
  infer({ inputs, attrs: a, fail }) {
    const [x, y] = inputs;
    if (x?.shape.length !== 2 || y?.shape.length !== 2) return fail('expects two matrices');
    const [m, k] = a.transposeA ? [x.shape[1]!, x.shape[0]!] : [x.shape[0]!, x.shape[1]!];
    const [k2, n] = a.transposeB ? [y.shape[1]!, y.shape[0]!] : [y.shape[0]!, y.shape[1]!];
    if (k !== k2) fail(`inner sizes ${k} and ${k2} differ`);
    if (x.dtype !== y.dtype) fail(`operands have dtypes ${x.dtype} and ${y.dtype}`);
    return [{ shape: [m, n], dtype: x.dtype }];
  },
  gradient({ inputs, grads, attrs: { transposeA: ta, transposeB: tb } }) {
    const [a, b] = [inputs[0]!, inputs[1]!];
    const d = grads[0]!;
    return [
      ta ? matmul(b, d, { transposeA: tb, transposeB: true }) : matmul(d, b, { transposeB: !tb }),
      tb ? matmul(d, a, { transposeA: true, transposeB: ta }) : matmul(a, d, { transposeA: !ta }),
    ];
  },
  flops: ({ inputs, outputs, attrs: a }) =>
    2 * outputs[0]!.shape[0]! * outputs[0]!.shape[1]! * inputs[0]!.shape[a.transposeA ? 0 : 1]!,
};

/** Matrix product of rank-2 tensors. */
export function matmul(
  a: Tensor,
  b: Tensor,
  options: { readonly transposeA?: boolean; readonly transposeB?: boolean } = {},
): Tensor {
  return a.graph.emit('matmul', [a, b], {
    transposeA: options.transposeA ?? false,
    transposeB: options.transposeB ?? false,
  })[0]!;
}
