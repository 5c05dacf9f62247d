/**
 * Element types of tensors and the typed arrays that hold them on the host.
 *
 * `bf16` and `f16` (IEEE half) are held as their 16 bits in a Uint16Array. `q16` and `q32` are fixed-point integers of exact reversible
 * streams (value = k * 2^-g, wrap-around add).
 */

export const DTYPES = ['f32', 'bf16', 'i32', 'u32', 'u8', 'q16', 'q32', 'f16'] as const;

/** Element type of a tensor. */
export type DType = (typeof DTYPES)[number];

/** Floating-point element types: what activations may be. */
export const FLOATS = ['f32', 'bf16', 'f16'] as const satisfies readonly DType[];

export type FloatDType = (typeof FLOATS)[number];

/** Fixed-point element types. */
export type FixedDType = 'q16' | 'q32';

/** The host array for a dtype. */
export interface HostArrays {
  f32: Float32Array;
  bf16: Uint16Array;
  i32: Int32Array;
  u32: Uint32Array;
  u8: Uint8Array;
  q16: Int16Array;
  q32: Int32Array;
  f16: Uint16Array;
}

export type HostArray = HostArrays[DType];

type HostArrayConstructor = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => HostArray;

const TABLE: Readonly<Record<DType, { bytes: number; array: HostArrayConstructor; float: boolean }>> = {
  f32: { bytes: 4, array: Float32Array, float: true },
  bf16: { bytes: 2, array: Uint16Array, float: true },
  i32: { bytes: 4, array: Int32Array, float: false },
  u32: { bytes: 4, array: Uint32Array, float: false },
  u8: { bytes: 1, array: Uint8Array, float: false },
  q16: { bytes: 2, array: Int16Array, float: false },
  q32: { bytes: 4, array: Int32Array, float: false },
  f16: { bytes: 2, array: Uint16Array, float: true },
};

/** Bytes of one element. */
export function elementBytes(dtype: DType): number {
  return TABLE[dtype].bytes;
}

/** Whether elements are floating-point numbers. */
export function isFloat(dtype: DType): dtype is FloatDType {
  return TABLE[dtype].float;
}

/** Whether elements are floats held as 16 bits, which host code must decode. */
export function isNarrow(dtype: DType): dtype is 'bf16' | 'f16' {
  return dtype === 'bf16' || dtype === 'f16';
}

/** Whether elements are fixed-point numbers of an exact stream. */
export function isFixed(dtype: DType): dtype is FixedDType {
  return dtype === 'q16' || dtype === 'q32';
}

/** Whether gradients flow through tensors of this dtype; those of fixed-point tensors are floats. */
export function isDifferentiable(dtype: DType): boolean {
  return isFloat(dtype) || isFixed(dtype);
}

/** A typed array of `length` elements over `buffer` at `byteOffset`. */
export function hostView(dtype: DType, buffer: ArrayBufferLike, byteOffset: number, length: number): HostArray {
  return new TABLE[dtype].array(buffer, byteOffset, length);
}

/** A fresh zeroed typed array for `length` elements. */
export function hostArray<D extends DType>(dtype: D, length: number): HostArrays[D] {
  return hostView(dtype, new ArrayBuffer(length * elementBytes(dtype)), 0, length) as HostArrays[D];
}

/** Whether `value` is the right kind of typed array for `dtype`. */
export function isHostArray(dtype: DType, value: unknown): value is HostArray {
  return value instanceof TABLE[dtype].array;
}

const F32 = new Float32Array(1);
const U32 = new Uint32Array(F32.buffer);

/** Round a number to bfloat16 (nearest, ties to even; NaN stays NaN) and return its 16 bits. */
export function toBf16(value: number): number {
  F32[0] = value;
  const bits = U32[0]!;
  if ((bits & 0x7fffffff) > 0x7f800000) return ((bits >>> 16) | 0x40) & 0xffff;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The number that 16 bfloat16 bits stand for. */
export function fromBf16(bits: number): number {
  U32[0] = bits << 16;
  return F32[0]!;
}

/** From here on half precision rounds to infinity: 65520 as the bits of a float. */
const F16_OVERFLOW = 0x477ff000;
/** Smallest normal half as the bits of a float: 2^-14. */
const F16_NORMAL = 0x38800000;

/** Round a number to IEEE half (nearest, ties to even; overflow gives infinity, NaN stays NaN) and return its 16 bits. */
export function toF16(value: number): number {
  F32[0] = value;
  const bits = U32[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= F16_OVERFLOW) return sign | 0x7c00;
  // Normal: the exponent moves from bias 127 to 15, 13 bits are rounded off; a carry goes into the exponent as it should.
  if (magnitude >= F16_NORMAL) return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  // Subnormal: adding 0.5 leaves a multiple of 2^-24, rounded to even, in the low bits of the sum.
  U32[0] = magnitude;
  F32[0] = F32[0]! + 0.5;
  return sign | (U32[0] - 0x3f000000);
}

/** The number that 16 bits of IEEE half stand for. */
export function fromF16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** A number as an element of a float dtype holds it on the host; integer dtypes take it as it is. */
export function toElement(dtype: DType, value: number): number {
  return dtype === 'bf16' ? toBf16(value) : dtype === 'f16' ? toF16(value) : value;
}

/** The number that an element on the host stands for (fixed-point ones: k). */
export function fromElement(dtype: DType, element: number): number {
  return dtype === 'bf16' ? fromBf16(element) : dtype === 'f16' ? fromF16(element) : element;
}
