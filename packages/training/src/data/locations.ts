/**
 * Where each label is: voxel indices for foreground oversampling, all of them or a uniform sample.
 *
 * Source: nnU-Net's class locations: at least 10000 voxels of a class if it has them, at least 1 % of a large one.
 */
import type { Random } from './random.js';

/** Classes up to this size are kept whole. */
const KEPT_VOXELS = 10_000;
/** Of larger classes at least this part is kept. */
const KEPT_PART = 0.01;

/**
 * Linear voxel indices of labels 1 ... `largest`.
 *
 * @param label - `[D, H, W]`; other values are passed over.
 * @param largest - highest label.
 * @param random - draws the samples of classes that are not kept whole, in order of label.
 * @returns entry k - 1: indices of label k, ascending.
 */
export function labelLocations(label: Uint8Array, largest: number, random: Random): Uint32Array[] {
  const counts = new Float64Array(256);
  const n = label.length;
  for (let i = 0; i < n; i++) counts[label[i]!]!++;
  const all = Array.from({ length: largest }, (_, k) => new Uint32Array(counts[k + 1]!));
  const filled = new Float64Array(256);
  for (let i = 0; i < n; i++) {
    const k = label[i]!;
    if (k >= 1 && k <= largest) all[k - 1]![filled[k]!++] = i;
  }
  return all.map((indices) => {
    const kept = Math.max(Math.min(KEPT_VOXELS, indices.length), Math.ceil(KEPT_PART * indices.length));
    if (kept === indices.length) return indices;
    return Uint32Array.from(random.choose(indices.length, kept), (at) => indices[at]!).sort();
  });
}
