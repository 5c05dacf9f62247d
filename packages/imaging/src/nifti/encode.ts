/**
 * NIfTI headers: facts to bytes. Both versions, in the byte order of this machine; sform always, qform where the axes are
 * orthogonal (a shear has no quaternion). Not here: files (write.ts).
 *
 * Sources: the NIfTI-1 and NIfTI-2 header definitions (https://nifti.nimh.nih.gov).
 */
import { quaternionFromAffine } from '../affine.js';
import { bytesPerVoxel } from '../dtype.js';
import type { VoxelType } from '../dtype.js';
import type { Affine, Triple } from '../volume.js';
import { TYPE_CODES } from './header.js';

/** What goes into a header. */
export interface HeaderFacts {
  readonly version: 1 | 2;
  readonly littleEndian: boolean;
  readonly channels: number;
  readonly shape: Triple;
  readonly spacing: Triple;
  readonly affine: Affine;
  readonly type: VoxelType;
  /** At most 79 bytes; longer text is cut at a character. */
  readonly description: string;
  /** NIfTI's number of the space the affine leads to, 1 to 4. */
  readonly transformCode: number;
  readonly intentCode: number;
  readonly intentName: string;
}

/** Largest axis a NIfTI-1 header can hold. */
export const NIFTI1_LARGEST_AXIS = 32767;

/**
 * The bytes before the voxels: header and the four zero bytes that say "no extensions".
 *
 * @returns 352 bytes (version 1) or 544 bytes (version 2).
 */
export function encodeNiftiHeader(facts: HeaderFacts): Uint8Array<ArrayBuffer> {
  const { version, littleEndian: le } = facts;
  const out = new Uint8Array(version === 1 ? 352 : 544);
  const view = new DataView(out.buffer);
  const [d, h, w] = facts.shape;
  const dims = [facts.channels === 1 ? 3 : 4, w, h, d, facts.channels, 1, 1, 1];
  const quaternion = quaternionFromAffine(facts.affine);
  const pixdim = [
    quaternion?.qfac ?? 1,
    facts.spacing[2],
    facts.spacing[1],
    facts.spacing[0],
    facts.channels === 1 ? 0 : 1,
    0,
    0,
    0,
  ];
  const quaternionFields = [
    quaternion?.b ?? 0,
    quaternion?.c ?? 0,
    quaternion?.d ?? 0,
    facts.affine[3]!,
    facts.affine[7]!,
    facts.affine[11]!,
  ];
  const qformCode = quaternion === undefined ? 0 : facts.transformCode;
  const MILLIMETRES_AND_SECONDS = 2 | 8;

  if (version === 1) {
    view.setInt32(0, 348, le);
    out[38] = 0x72; // 'r', as the Analyze ancestor demands
    dims.forEach((v, i) => view.setInt16(40 + 2 * i, v, le));
    view.setInt16(68, facts.intentCode, le);
    view.setInt16(70, TYPE_CODES[facts.type], le);
    view.setInt16(72, 8 * bytesPerVoxel(facts.type), le);
    pixdim.forEach((v, i) => view.setFloat32(76 + 4 * i, v, le));
    view.setFloat32(108, 352, le);
    view.setFloat32(112, 1, le);
    out[123] = MILLIMETRES_AND_SECONDS;
    putText(out, 148, 80, facts.description);
    view.setInt16(252, qformCode, le);
    view.setInt16(254, facts.transformCode, le);
    quaternionFields.forEach((v, i) => view.setFloat32(256 + 4 * i, v, le));
    for (let i = 0; i < 12; i++) view.setFloat32(280 + 4 * i, facts.affine[i]!, le);
    putText(out, 328, 16, facts.intentName);
    out.set([0x6e, 0x2b, 0x31, 0], 344);
    return out;
  }

  view.setInt32(0, 540, le);
  out.set([0x6e, 0x2b, 0x32, 0, 0x0d, 0x0a, 0x1a, 0x0a], 4);
  view.setInt16(12, TYPE_CODES[facts.type], le);
  view.setInt16(14, 8 * bytesPerVoxel(facts.type), le);
  dims.forEach((v, i) => view.setBigInt64(16 + 8 * i, BigInt(v), le));
  pixdim.forEach((v, i) => view.setFloat64(104 + 8 * i, v, le));
  view.setBigInt64(168, 544n, le);
  view.setFloat64(176, 1, le);
  putText(out, 240, 80, facts.description);
  view.setInt32(344, qformCode, le);
  view.setInt32(348, facts.transformCode, le);
  quaternionFields.forEach((v, i) => view.setFloat64(352 + 8 * i, v, le));
  for (let i = 0; i < 12; i++) view.setFloat64(400 + 8 * i, facts.affine[i]!, le);
  view.setInt32(500, MILLIMETRES_AND_SECONDS, le);
  view.setInt32(504, facts.intentCode, le);
  putText(out, 508, 16, facts.intentName);
  return out;
}

/** UTF-8 text into a zero-terminated field, never ending inside a character. */
function putText(out: Uint8Array, at: number, length: number, text: string): void {
  new TextEncoder().encodeInto(text, out.subarray(at, at + length - 1));
}
