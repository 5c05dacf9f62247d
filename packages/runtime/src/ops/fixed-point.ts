/**
 * Fixed-point numbers of exact reversible streams: an element is an integer k and stands for k * 2^-g. `q16` holds k in
 * 16 bits, `q32` in 32; sums wrap around, so that adding is a bijection whatever the values (docs/reversible.md).
 *
 * g, the exponent of a stream's grid, is a persistent tensor [1] f32 holding a whole number: it belongs to the network,
 * travels in checkpoints, and changes between steps only (`streamUpdate`).
 *
 * One rule makes integers of floats, in every backend:
 *   f NaN -> 0; q = round to nearest even (min(max(f * 2^g, -L), L)), L = 2^(bits - 2)
 * f * 2^g is exact scaling. |q| <= L leaves half of the range for the state that q is added to.
 */

import { isFixed, type DType, type FixedDType } from '../graph/dtype.js';
import type { InferCall, TensorType } from './op.js';

/** dtypes of fixed-point streams, as attribute values. */
export const FIXED = ['q16', 'q32'] as const satisfies readonly FixedDType[];

/** Bits of a fixed-point element. */
export function fixedBits(dtype: FixedDType): 16 | 32 {
  return dtype === 'q16' ? 16 : 32;
}

/** Largest |q| that one add may bring: a quarter of the range from -2^(bits-1) to 2^(bits-1). */
export function addLimit(dtype: FixedDType): number {
  return 2 ** (fixedBits(dtype) - 2);
}

/** |k| above it counts as near the limit: three quarters of the way to wrapping around. */
export function nearLimit(dtype: FixedDType): number {
  return 0.75 * 2 ** (fixedBits(dtype) - 1);
}

/** Exponents that an untrained network starts with: steps of 2^-9 up to 64, or of 2^-20 up to 2048. */
export const START_EXPONENT: Readonly<Record<FixedDType, number>> = { q16: 9, q32: 20 };

/** What an add reports, f32 [4]: largest |k|, elements near the limit, clamped elements of f, elements of f that were NaN. */
export const ADD_STATS: TensorType = { shape: [4], dtype: 'f32' };

/** Two independent 32-bit sums over a tensor: its checksum. */
export const CHECKSUM: TensorType = { shape: [2], dtype: 'u32' };

/** Checks the exponent operand. */
export function checkExponent<A>(call: InferCall<A>, exponent: TensorType | undefined): void {
  if (exponent?.dtype !== 'f32' || exponent.shape.length !== 1 || exponent.shape[0] !== 1)
    call.fail('the exponent of the grid must be f32 [1]');
}

/**
 * Checks the operands of an operation whose x, the first, may be fixed-point: then, and only then, the exponent follows
 * behind its `count` other ones.
 */
export function checkGridOperand<A>(call: InferCall<A>, count: number): void {
  const fixed = isFixed(call.inputs[0]!.dtype);
  if (call.inputs.length !== (fixed ? count + 1 : count))
    call.fail('expects the exponent of the grid if, and only if, x is fixed-point');
  if (fixed) checkExponent(call, call.inputs[count]);
}

/** What the result of such an operation may be asked to be: `same` as x, which a fixed-point x cannot be. */
export const GRID_RESULTS = ['same', 'f32', 'bf16', 'f16'] as const;

/** dtype of the result. */
export function gridResult<A>(call: InferCall<A>, to: (typeof GRID_RESULTS)[number]): DType {
  const { dtype } = call.inputs[0]!;
  if (isFixed(dtype) === (to === 'same')) call.fail(`a result "${to}" does not go with x of ${dtype}`);
  return to === 'same' ? dtype : to;
}
