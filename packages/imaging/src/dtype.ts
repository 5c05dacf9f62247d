/**
 * Names of voxel types and the typed arrays that hold them. Not here: how a file format numbers them (src/nifti).
 */
import { ArgumentError } from './errors.js';
import type { VoxelArray } from './volume.js';

/** Every voxel type a volume may have. */
export const VOXEL_TYPES = [
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'float32',
  'float64',
] as const;

/** Name of a voxel type. */
export type VoxelType = (typeof VOXEL_TYPES)[number];

/** The typed array of a voxel type. */
export interface ArrayOfType {
  int8: Int8Array;
  uint8: Uint8Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
  float32: Float32Array;
  float64: Float64Array;
}

type Constructor = {
  new (length: number): VoxelArray;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): VoxelArray;
  readonly BYTES_PER_ELEMENT: number;
};

const CONSTRUCTORS: Readonly<Record<VoxelType, Constructor>> = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  float32: Float32Array,
  float64: Float64Array,
};

/** Smallest and largest value of the integer types that fit a double exactly. */
const INTEGER_RANGE: Partial<Record<VoxelType, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-2147483648, 2147483647],
  uint32: [0, 4294967295],
};

/**
 * The voxel type of a typed array.
 *
 * @throws ArgumentError for an array that cannot hold voxels.
 */
export function voxelTypeOf(data: VoxelArray): VoxelType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Uint8Array) return 'uint8';
  if (data instanceof Int16Array) return 'int16';
  if (data instanceof Uint16Array) return 'uint16';
  if (data instanceof Int8Array) return 'int8';
  if (data instanceof Int32Array) return 'int32';
  if (data instanceof Uint32Array) return 'uint32';
  if (data instanceof Float64Array) return 'float64';
  if (data instanceof BigInt64Array) return 'int64';
  if (data instanceof BigUint64Array) return 'uint64';
  throw new ArgumentError('data', 'a typed array of voxels', Object.prototype.toString.call(data));
}

/** Bytes of one voxel. */
export function bytesPerVoxel(type: VoxelType): number {
  return CONSTRUCTORS[type].BYTES_PER_ELEMENT;
}

/** True for every type but the two floating ones. */
export function isIntegerType(type: VoxelType): boolean {
  return type !== 'float32' && type !== 'float64';
}

/** A zero-filled array of `length` voxels. */
export function allocateVoxels<T extends VoxelType>(type: T, length: number): ArrayOfType[T] {
  return new CONSTRUCTORS[type](length) as ArrayOfType[T];
}

/** A typed view of `buffer`, which holds voxels in the byte order of this machine. */
export function viewVoxels<T extends VoxelType>(
  type: T,
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
): ArrayOfType[T] {
  return new CONSTRUCTORS[type](buffer, byteOffset, length) as ArrayOfType[T];
}

/** Part of a voxel array as a view, no copy. */
export function subVoxels<A extends VoxelArray>(data: A, start: number, end: number): A {
  return data.subarray(start, end) as A;
}

/** A voxel array of the same type and the given length, zero-filled. */
export function sameTypeVoxels<A extends VoxelArray>(data: A, length: number): A {
  return new CONSTRUCTORS[voxelTypeOf(data)](length) as A;
}

/** A copy of the voxels as numbers; 64-bit integers beyond 2^53 lose their lowest bits. */
export function toNumberVoxels(data: VoxelArray): Exclude<VoxelArray, BigInt64Array | BigUint64Array> {
  if (!(data instanceof BigInt64Array || data instanceof BigUint64Array)) return data;
  const n = data.length;
  const out = new Float64Array(n);
  for (let i = 0; i < n; i++) out[i] = Number(data[i]!);
  return out;
}

/**
 * The voxels as `type`. Integer targets take only values they can hold exactly; floating targets round to nearest.
 *
 * @param data - voxels.
 * @param type - wanted type; the same array comes back when it has that type already.
 * @param first - index of `data[0]` in the whole image, for error messages.
 * @throws ArgumentError naming the first voxel that does not fit an integer target.
 */
export function convertVoxels<T extends VoxelType>(data: VoxelArray, type: T, first = 0): ArrayOfType[T] {
  if (voxelTypeOf(data) === type) return data as ArrayOfType[T];
  const n = data.length;
  if (type === 'int64' || type === 'uint64') {
    const out = allocateVoxels(type, n) as BigInt64Array | BigUint64Array;
    for (let i = 0; i < n; i++) {
      const v = data[i]!;
      if (typeof v === 'number' && !Number.isInteger(v)) throw misfit(type, v, first + i);
      const b = BigInt(v);
      out[i] = b;
      if (out[i] !== b) throw misfit(type, v, first + i);
    }
    return out as ArrayOfType[T];
  }
  const range = INTEGER_RANGE[type];
  const out = allocateVoxels(type, n) as Exclude<VoxelArray, BigInt64Array | BigUint64Array>;
  if (range === undefined) {
    for (let i = 0; i < n; i++) out[i] = Number(data[i]!);
  } else {
    const [low, high] = range;
    for (let i = 0; i < n; i++) {
      const v = Number(data[i]!);
      if (!(v >= low && v <= high) || Math.floor(v) !== v) throw misfit(type, data[i]!, first + i);
      out[i] = v;
    }
  }
  return out as ArrayOfType[T];
}

function misfit(type: VoxelType, value: number | bigint, index: number): ArgumentError {
  return new ArgumentError('dtype', `values that fit ${type}`, `${value} at voxel ${index}`);
}
