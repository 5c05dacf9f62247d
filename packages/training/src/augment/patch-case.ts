/**
 * What patches are cut from: the voxels of a preprocessed case in memory, and where its labels are.
 */
import type { Triple } from '@revoxel/imaging';

/**
 * Label value of voxels outside the image (patch reaches beyond it) or outside the non-zero part of it. It never leaves the
 * data side: finished patches have background there.
 */
export const OUTSIDE = 255;

/** A case that patches are cut from. */
export interface PatchCase {
  readonly id: string;
  readonly channels: number;
  /** Voxels, `[D, H, W]`. */
  readonly shape: Triple;
  /** `[C, D, H, W]`, normalised. */
  readonly image: Float32Array;
  /** `[D, H, W]`, labels 0 ... K, or `OUTSIDE`. */
  readonly label: Uint8Array;
  /** Entry k - 1: linear voxel indices of label k, all of them or a sample; empty when the case has none. */
  readonly locations: readonly Uint32Array[];
}

/**
 * The same case with its arrays in shared memory, so that workers read it without a copy. Arrays that are shared already stay.
 */
export function shareCase(source: PatchCase): PatchCase {
  return {
    ...source,
    image: shared(source.image, Float32Array),
    label: shared(source.label, Uint8Array),
    locations: source.locations.map((l) => shared(l, Uint32Array)),
  };
}

type Shareable = Float32Array | Uint8Array | Uint32Array;

function shared<A extends Shareable>(source: A, make: new (buffer: SharedArrayBuffer) => A): A {
  if (source.buffer instanceof SharedArrayBuffer) return source;
  const copy = new make(new SharedArrayBuffer(source.byteLength));
  copy.set(source);
  return copy;
}
