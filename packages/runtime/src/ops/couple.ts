/**
 * The additive coupling of an exact stream: k' = k + q(f) (or k - q(f)) with wrap-around, q by the rule of
 * fixed-point.ts. The inverse subtracts the same integer, so inversion is exact to the bit whatever f is, as long as f
 * is the same both times.
 *
 * Operands k (q16 or q32), f (f32 or bf16, same shape), exponent [1]. Results k'; stats [4] f32 (see fixed-point.ts; of
 * k', when adding; zeros when subtracting); checksum [2] u32 of `checksum`: the operand k, the result k', or none (zeros).
 *
 * Checksum over elements k_i in memory order (channels-last), all modulo 2^32:
 *   sum over i of k_i * (2 i + 1), and sum over i of k_i * (((i xor (i >> 15)) * 0x2c1b3c6d) | 1)
 *
 * The gradient is that of an addition; f gets none where it was clamped (`coupleGrad`).
 * @see Gomez et al. 2017 (arXiv 1707.04585) for the coupling; MacKay et al. 2018 (arXiv 1810.10999) for fixed point
 */

import { isFixed, isFloat, type FixedDType } from '../graph/dtype.js';
import { elementCount, sameShape } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import { cast } from './cast.js';
import { ADD_STATS, checkExponent, CHECKSUM } from './fixed-point.js';
import type { OpDefinition } from './op.js';
import { scale } from './scale.js';
import type { AttrSchema } from './schema.js';

const attrs = { direction: ['add', 'sub'], checksum: ['none', 'input', 'output'] } as const satisfies AttrSchema;

export const coupleOp: OpDefinition<typeof attrs> = {
  name: 'couple',
  attrs,
  infer(call) {
    const [k, f, exponent] = call.inputs;
    if (!k || !f || call.inputs.length !== 3) return call.fail('expects k, f and the exponent of the grid');
    if (!isFixed(k.dtype)) call.fail(`expects a fixed-point stream, got ${k.dtype}`);
    if (!isFloat(f.dtype)) call.fail(`expects a float f, got ${f.dtype}`);
    if (!sameShape(k.shape, f.shape)) call.fail('the stream and what is added to it must have one shape');
    checkExponent(call, exponent);
    return [k, ADD_STATS, CHECKSUM];
  },
  gradient({ inputs, grads, attrs: { direction }, needs }) {
    const dk = grads[0];
    const [k, f, exponent] = [inputs[0]!, inputs[1]!, inputs[2]!];
    if (!dk) return [null, null, null];
    const signed = direction === 'add' ? dk : scale(dk, -1);
    const to = k.dtype as FixedDType;
    const df = needs[1]
      ? k.graph.emit('coupleGrad', [f, cast(signed, f.dtype), exponent], { to, from: 'f' })[0]!
      : null;
    return [dk, df, null];
  },
  recover(index, { direction }) {
    if (index !== 0) return undefined;
    const back = direction === 'add' ? 'sub' : 'add';
    return {
      exact: true,
      stream: true,
      emit: ([y], [, f, exponent]) =>
        y!.graph.emit('couple', [y!, f!, exponent!], { direction: back, checksum: 'none' })[0]!,
      checked: {
        attrs: { direction, checksum: 'input' },
        sum: 2,
        emit: ([y], [, f, exponent]) => {
          const attributes = { direction: back, checksum: 'output' } as const;
          const [operand, , sum] = y!.graph.emit('couple', [y!, f!, exponent!], attributes);
          return { operand: operand!, sum: sum! };
        },
      },
    };
  },
  inPlace: () => [[0, 0]],
  flops: ({ outputs }) => 6 * elementCount(outputs[0]!.shape),
};

/** k + q(f) on the grid of k. @param k - q16 or q32. @param f - f32 or bf16, same shape. @param exponent - f32 `[1]`. */
export function couple(k: Tensor, f: Tensor, exponent: Tensor): Tensor {
  return k.graph.emit('couple', [k, f, exponent], { direction: 'add', checksum: 'none' })[0]!;
}

/** k - q(f) on the grid of k: exactly undoes `couple` with the same f, to the bit. Parameters as there. */
export function uncouple(k: Tensor, f: Tensor, exponent: Tensor): Tensor {
  return k.graph.emit('couple', [k, f, exponent], { direction: 'sub', checksum: 'none' })[0]!;
}
