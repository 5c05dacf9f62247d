/**
 * Leave a fixed-point stream: x = k * 2^-g, computed in fp32 and rounded to the result's dtype. Operands k, exponent [1].
 * The gradient passes through unchanged, in value units.
 */

import { FLOATS, isFixed, type FloatDType } from '../graph/dtype.js';
import { elementCount } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import { checkExponent } from './fixed-point.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = { to: FLOATS } as const satisfies AttrSchema;

export const dequantizeOp: OpDefinition<typeof attrs> = {
  name: 'dequantize',
  attrs,
  onePass: true,
  infer(call) {
    const [k, exponent] = call.inputs;
    if (!k || call.inputs.length !== 2) return call.fail('expects k and the exponent of the grid');
    if (!isFixed(k.dtype)) call.fail(`expects a fixed-point tensor, got ${k.dtype}`);
    checkExponent(call, exponent);
    return [{ shape: k.shape, dtype: call.attrs.to }];
  },
  gradient: ({ grads }) => [grads[0]!, null],
  inPlace: () => [[0, 0]],
  flops: ({ outputs }) => elementCount(outputs[0]!.shape),
};

/** Fixed-point numbers as floats. */
export function dequantize(k: Tensor, exponent: Tensor, to: FloatDType = 'f32'): Tensor {
  return k.graph.emit('dequantize', [k, exponent], { to })[0]!;
}
