/**
 * Enter a fixed-point stream: k = q(x) by the rule of fixed-point.ts; the float is discarded, the integer is the truth.
 * Operands x (f32 or bf16), exponent [1]. Results k, and stats [4] as `couple` has them (clamped counts |x * 2^g| > L).
 * The gradient passes through unchanged.
 */

import { isFloat, type FixedDType } from '../graph/dtype.js';
import { elementCount } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import { cast } from './cast.js';
import { ADD_STATS, checkExponent, FIXED } from './fixed-point.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = { to: FIXED } as const satisfies AttrSchema;

export const quantizeOp: OpDefinition<typeof attrs> = {
  name: 'quantize',
  attrs,
  infer(call) {
    const [x, exponent] = call.inputs;
    if (!x || call.inputs.length !== 2) return call.fail('expects x and the exponent of the grid');
    if (!isFloat(x.dtype)) call.fail(`expects floats, got ${x.dtype}`);
    checkExponent(call, exponent);
    return [{ shape: x.shape, dtype: call.attrs.to }, ADD_STATS];
  },
  gradient: ({ inputs, grads }) => [grads[0] ? cast(grads[0], inputs[0]!.dtype) : null, null],
  inPlace: () => [[0, 0]],
  flops: ({ outputs }) => 4 * elementCount(outputs[0]!.shape),
};

/** Round floats to a fixed-point grid. @param exponent - f32 `[1]`, whole. */
export function quantize(x: Tensor, exponent: Tensor, to: FixedDType): Tensor {
  return x.graph.emit('quantize', [x, exponent], { to })[0]!;
}
