/** Convert elements to another dtype: to bf16 and f16 rounds to nearest even; float to integer rounds to nearest even and clamps, NaN gives 0. */

import { DTYPES, isFloat } from '../graph/dtype.js';
import type { DType } from '../graph/dtype.js';
import type { Tensor } from '../graph/tensor.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = { to: DTYPES } as const satisfies AttrSchema;

export const castOp: OpDefinition<typeof attrs> = {
  name: 'cast',
  attrs,
  onePass: true,
  infer: ({ inputs, attrs: { to } }) => [{ shape: inputs[0]!.shape, dtype: to }],
  gradient: ({ inputs, grads }) => [isFloat(inputs[0]!.dtype) ? cast(grads[0]!, inputs[0]!.dtype) : null],
};

/** Convert to another dtype. */
export function cast(x: Tensor, to: DType): Tensor {
  return x.dtype === to ? x : x.graph.emit('cast', [x], { to })[0]!;
}
