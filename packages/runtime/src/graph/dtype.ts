/**
 * Element types of tensors and the typed arrays that hold them on the host.
 *
 * `bf16` is held as its 16 bits in a Uint16Array. `q16` and `q32` are fixed-point integers of exact reversible
 * streams (value = k * 2^-g, wrap-around add).
 */

export const DTYPES = ['f32', 'bf16', 'i32', 'u32', 'u8', 'q16', 'q32'] as const;

/** Element type of a tensor. */
export type DType = (typeof DTYPES)[number];

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
};

/** Bytes of one element. */
export function elementBytes(dtype: DType): number {
  return TABLE[dtype].bytes;
}

/** Whether elements are floating-point numbers. */
export function isFloat(dtype: DType): boolean {
  return TABLE[dtype].float;
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
