/**
 * NIfTI-1 and NIfTI-2 headers: bytes to facts. The fixed fields are read by nifti-reader-js, which gets the bare header
 * without extensions; what it does not do, or not right, is done here: the affine (it ignores the qform of NIfTI-2 and
 * prefers the form with the larger code), 64-bit numbers in big-endian files, sizes, axes, units and every check.
 * Not here: the voxels (read.ts) and writing (encode.ts).
 *
 * Sources: the NIfTI-1 and NIfTI-2 header definitions (https://nifti.nimh.nih.gov).
 */
import { NIFTI1, NIFTI2 } from 'nifti-reader-js';
import { affineFromQuaternion, determinant3, spacingFromAffine } from '../affine.js';
import { bytesPerVoxel } from '../dtype.js';
import type { VoxelType } from '../dtype.js';
import { FormatError } from '../errors.js';
import type { Affine, Triple } from '../volume.js';

/** Bytes that always suffice to read a header of either version. */
export const HEADER_BYTES = 540;

/** NIfTI's numbers of the voxel types; those missing here (colour, complex, 128-bit) are refused. */
export const TYPE_CODES: Readonly<Record<VoxelType, number>> = {
  uint8: 2,
  int16: 4,
  int32: 8,
  float32: 16,
  float64: 64,
  int8: 256,
  uint16: 512,
  uint32: 768,
  int64: 1024,
  uint64: 1280,
};

const TYPE_OF_CODE = new Map<number, VoxelType>(
  Object.entries(TYPE_CODES).map(([type, code]) => [code, type as VoxelType]),
);

const REFUSED_TYPES: Readonly<Record<number, string>> = {
  0: 'no type',
  1: '1-bit',
  32: 'complex64',
  128: 'RGB colour',
  1536: 'float128',
  1792: 'complex128',
  2048: 'complex256',
  2304: 'RGBA colour',
};

/** What a NIfTI header says, checked and put into this package's conventions. */
export interface NiftiHeader {
  /** 1 or 2. */
  readonly version: 1 | 2;
  /** Byte order of the file. */
  readonly littleEndian: boolean;
  /** True when the file is gzip. */
  readonly compressed: boolean;
  /** Axis lengths as stored, first axis (i) first, axes beyond the stored count left out. */
  readonly dims: readonly number[];
  /** Size in voxels, `[D, H, W]`. */
  readonly shape: Triple;
  /** Product of the axes beyond the third; 1 for an ordinary image. */
  readonly channels: number;
  /** Type of the stored voxels, before scaling. */
  readonly storedType: VoxelType;
  /** Type `readNifti` returns: `storedType`, or a float type when a scaling applies. */
  readonly type: VoxelType;
  /** Byte offset of the voxels in the (decompressed) file. */
  readonly dataOffset: number;
  /** Scaling to apply, value = slope * stored + intercept; `undefined` when the header asks for none. */
  readonly scaling: { readonly slope: number; readonly intercept: number } | undefined;
  /** Voxel index `(w, h, d, 1)` to world mm, RAS+. */
  readonly affine: Affine;
  /** Column norms of the affine, mm, `[D, H, W]`. */
  readonly spacing: Triple;
  /** Where the affine came from; `pixdim` means the file says nothing about position and direction. */
  readonly affineSource: 'sform' | 'qform' | 'pixdim';
  /** Codes of the two forms: 0 unknown, 1 scanner, 2 aligned, 3 Talairach, 4 MNI. */
  readonly sformCode: number;
  readonly qformCode: number;
  /** Unit of the stored lengths; `affine` and `spacing` are always mm. */
  readonly spaceUnit: 'unknown' | 'm' | 'mm' | 'um';
  /** Free text, at most 80 bytes. */
  readonly description: string;
  /** Meaning of the values: 0 none, 1002 labels, and so on. */
  readonly intentCode: number;
  readonly intentName: string;
}

/** Number of stored voxels over all channels. */
export function voxelCount(header: NiftiHeader): number {
  return header.channels * header.shape[0] * header.shape[1] * header.shape[2];
}

/** Number of stored bytes of the voxels. */
export function voxelBytes(header: NiftiHeader): number {
  return voxelCount(header) * bytesPerVoxel(header.storedType);
}

/**
 * Parse the first bytes of a (decompressed) NIfTI file.
 *
 * @param bytes - at least the header (348 or 540 bytes), or all there is.
 * @param file - path for error messages.
 * @param compressed - whether the bytes came out of gzip.
 * @throws FormatError for anything that is not a single-file NIfTI image this package can hold.
 */
export function parseNiftiHeader(bytes: Uint8Array, file: string, compressed: boolean): NiftiHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < 4) {
    throw new FormatError(
      file,
      bytes.byteLength,
      `ends after ${bytes.byteLength} bytes, a NIfTI header has 348`,
      'copy the file again',
    );
  }
  const [version, littleEndian] = signature(view, bytes, file);
  const length = version === 1 ? 348 : 540;
  if (bytes.byteLength < length) {
    throw new FormatError(
      file,
      bytes.byteLength,
      `ends inside the header (${bytes.byteLength} of ${length} bytes)`,
      'the file is cut off: copy it again',
    );
  }
  checkMagic(bytes, version, file);

  // A buffer of exactly the header's length keeps the library away from extensions, where it throws on valid files.
  const bare = bytes.slice(0, length).buffer;
  const raw = version === 1 ? new NIFTI1() : new NIFTI2();
  raw.littleEndian = littleEndian;
  raw.readHeader(bare);

  const dims = axisLengths(view, version, littleEndian, raw.dims, file);
  const [channels, shape] = channelsAndShape(dims, file, version);
  const storedType = voxelType(raw.datatypeCode, file, version);
  const dataOffset = voxelOffset(view, version, littleEndian, raw.vox_offset, file);
  const scaling = scalingOf(raw.scl_slope, raw.scl_inter);
  const spaceUnit = (['unknown', 'm', 'mm', 'um'] as const)[raw.xyzt_units & 7] ?? 'unknown';
  const [affine, affineSource] = affineOf(view, raw, version, littleEndian, dims, file);
  const toMm = spaceUnit === 'm' ? 1000 : spaceUnit === 'um' ? 0.001 : 1;
  if (toMm !== 1) for (let i = 0; i < 12; i++) affine[i]! *= toMm;

  return {
    version,
    littleEndian,
    compressed,
    dims,
    shape,
    channels,
    storedType,
    type: scaling === undefined ? storedType : storedType === 'float64' ? 'float64' : 'float32',
    dataOffset,
    scaling,
    affine,
    spacing: spacingFromAffine(affine),
    affineSource,
    sformCode: raw.sform_code,
    qformCode: raw.qform_code,
    spaceUnit,
    description: raw.description,
    intentCode: raw.intent_code,
    intentName: raw.intent_name,
  };
}

/** Version and byte order from the first four bytes (the header's own length). */
function signature(view: DataView, bytes: Uint8Array, file: string): [1 | 2, boolean] {
  const little = view.getInt32(0, true);
  const big = view.getInt32(0, false);
  if (little === 348) return [1, true];
  if (big === 348) return [1, false];
  if (little === 540) return [2, true];
  if (big === 540) return [2, false];
  throw new FormatError(
    file,
    0,
    `is not a NIfTI file: it starts with ${preview(bytes)}`,
    'give a .nii or .nii.gz file, or convert this one to NIfTI',
  );
}

function preview(bytes: Uint8Array): string {
  const head = bytes.subarray(0, 12);
  if (head.every((b) => (b >= 32 && b < 127) || b === 9 || b === 10 || b === 13)) {
    return `the text ${JSON.stringify(String.fromCharCode(...head))}`;
  }
  return `the bytes ${[...head.subarray(0, 8)].map((b) => b.toString(16).padStart(2, '0')).join(' ')}`;
}

function checkMagic(bytes: Uint8Array, version: 1 | 2, file: string): void {
  const at = version === 1 ? 344 : 4;
  const magic = String.fromCharCode(...bytes.subarray(at, at + 4));
  const pair = version === 1 ? 'ni1\0' : 'ni2\0';
  const single = version === 1 ? 'n+1\0' : 'n+2\0';
  if (magic === pair) {
    throw new FormatError(
      file,
      at,
      'is the header of a .hdr/.img pair, which is not read',
      'convert the pair to one .nii or .nii.gz file',
    );
  }
  if (magic !== single) {
    throw new FormatError(
      file,
      at,
      `has the magic ${JSON.stringify(magic)} instead of ${JSON.stringify(single)}`,
      'convert it to NIfTI; Analyze 7.5 files are not read',
    );
  }
  if (version === 2 && !(bytes[8] === 0x0d && bytes[9] === 0x0a && bytes[10] === 0x1a && bytes[11] === 0x0a)) {
    throw new FormatError(
      file,
      8,
      'has a damaged NIfTI-2 magic: line ends were translated on the way',
      'copy the file again in binary mode',
    );
  }
}

function int64(view: DataView, at: number, littleEndian: boolean): number {
  return Number(view.getBigInt64(at, littleEndian));
}

function axisLengths(
  view: DataView,
  version: 1 | 2,
  littleEndian: boolean,
  parsed: readonly number[],
  file: string,
): number[] {
  const at = version === 1 ? 40 : 16;
  const step = version === 1 ? 2 : 8;
  // The library misreads large 64-bit numbers in big-endian files, so NIfTI-2 sizes are read here.
  const all = version === 1 ? parsed : Array.from({ length: 8 }, (_, i) => int64(view, at + 8 * i, littleEndian));
  const count = all[0]!;
  if (!(count >= 1 && count <= 7)) {
    throw new FormatError(
      file,
      at,
      `claims ${count} axes, 1 to 7 are possible`,
      'the header is damaged: export the file again',
    );
  }
  const dims = all.slice(1, 1 + count);
  dims.forEach((length, i) => {
    if (!(length >= 1 && Number.isSafeInteger(length))) {
      throw new FormatError(
        file,
        at + step * (i + 1),
        `has axis ${i + 1} of length ${length}`,
        'the header is damaged: export the file again',
      );
    }
  });
  return dims;
}

function channelsAndShape(dims: readonly number[], file: string, version: 1 | 2): [number, Triple] {
  const extra = dims.slice(3).filter((length) => length > 1);
  if (extra.length > 1) {
    throw new FormatError(
      file,
      version === 1 ? 40 : 16,
      `has ${dims.length} axes (${dims.join(' x ')}); one axis beyond the third is read, as channels`,
      'split the file by time or component first',
    );
  }
  const channels = extra[0] ?? 1;
  const shape: Triple = [dims[2] ?? 1, dims[1] ?? 1, dims[0]!];
  if (!Number.isSafeInteger(channels * shape[0] * shape[1] * shape[2] * 8)) {
    throw new FormatError(
      file,
      version === 1 ? 40 : 16,
      `has the impossible size ${dims.join(' x ')}`,
      'the header is damaged: export the file again',
    );
  }
  return [channels, shape];
}

function voxelType(code: number, file: string, version: 1 | 2): VoxelType {
  const type = TYPE_OF_CODE.get(code);
  if (type === undefined) {
    throw new FormatError(
      file,
      version === 1 ? 70 : 12,
      `stores ${REFUSED_TYPES[code] ?? 'unknown'} voxels (datatype ${code}), which are not read`,
      'convert it to an integer or float32/float64 image',
    );
  }
  return type;
}

function voxelOffset(view: DataView, version: 1 | 2, littleEndian: boolean, parsed: number, file: string): number {
  const smallest = version === 1 ? 352 : 544;
  const at = version === 1 ? 108 : 168;
  const offset = version === 1 ? parsed : int64(view, at, littleEndian);
  // Some writers leave 0 and mean "right after the header".
  if (offset === 0) return smallest;
  if (!(Number.isSafeInteger(offset) && offset >= smallest - 4)) {
    throw new FormatError(
      file,
      at,
      `says its voxels start at byte ${offset}, inside the header`,
      'the header is damaged: export the file again',
    );
  }
  return offset;
}

/** The standard: a slope of 0 means "no scaling"; NaN and infinity are treated alike, as other readers do. */
function scalingOf(slope: number, intercept: number): { slope: number; intercept: number } | undefined {
  if (!Number.isFinite(slope) || slope === 0) return undefined;
  const shift = Number.isFinite(intercept) ? intercept : 0;
  return slope === 1 && shift === 0 ? undefined : { slope, intercept: shift };
}

/** The affine in the file's own unit: sform before qform before bare voxel sizes. */
function affineOf(
  view: DataView,
  raw: NIFTI1 | NIFTI2,
  version: 1 | 2,
  littleEndian: boolean,
  dims: readonly number[],
  file: string,
): [Affine, NiftiHeader['affineSource']] {
  if (raw.sform_code > 0) {
    const affine = new Float64Array(16);
    affine[15] = 1;
    const at = version === 1 ? 280 : 400;
    for (let i = 0; i < 12; i++) {
      affine[i] = version === 1 ? view.getFloat32(at + 4 * i, littleEndian) : view.getFloat64(at + 8 * i, littleEndian);
    }
    fillFlatAxes(affine, dims);
    if (!(Math.abs(determinant3(affine)) > 0) || !affine.every(Number.isFinite)) {
      throw new FormatError(
        file,
        at,
        'has an sform matrix that is singular or not finite',
        'set the sform with a header editor, or set sform_code to 0 to use the qform',
      );
    }
    return [affine, 'sform'];
  }
  const size = (axis: number): number => {
    const value = Math.abs(raw.pixDims[axis]!);
    // The standard's reference code takes a missing voxel size as 1; axes of length 1 often have 0 here.
    return value > 0 && Number.isFinite(value) ? value : 1;
  };
  const spacing: Triple = [size(3), size(2), size(1)];
  if (raw.qform_code > 0) {
    const affine = affineFromQuaternion(
      { b: raw.quatern_b, c: raw.quatern_c, d: raw.quatern_d, qfac: raw.pixDims[0]! < 0 ? -1 : 1 },
      spacing,
      [raw.qoffset_x, raw.qoffset_y, raw.qoffset_z],
    );
    if (!affine.every(Number.isFinite)) {
      throw new FormatError(
        file,
        version === 1 ? 256 : 352,
        'has a qform that is not finite',
        'set the qform with a header editor',
      );
    }
    return [affine, 'qform'];
  }
  return [Float64Array.of(spacing[2], 0, 0, 0, 0, spacing[1], 0, 0, 0, 0, spacing[0], 0, 0, 0, 0, 1), 'pixdim'];
}

/** 2D images often have a zero column for the missing axis: put the unit normal of the other two there. */
function fillFlatAxes(affine: Affine, dims: readonly number[]): void {
  for (let axis = 0; axis < 3; axis++) {
    if ((dims[axis] ?? 1) !== 1) continue;
    if (affine[axis] !== 0 || affine[4 + axis] !== 0 || affine[8 + axis] !== 0) continue;
    const p = (axis + 1) % 3;
    const q = (axis + 2) % 3;
    const x = affine[4 + p]! * affine[8 + q]! - affine[8 + p]! * affine[4 + q]!;
    const y = affine[8 + p]! * affine[q]! - affine[p]! * affine[8 + q]!;
    const z = affine[p]! * affine[4 + q]! - affine[4 + p]! * affine[q]!;
    const norm = Math.hypot(x, y, z);
    if (!(norm > 0)) continue;
    affine[axis] = x / norm;
    affine[4 + axis] = y / norm;
    affine[8 + axis] = z / norm;
  }
}
