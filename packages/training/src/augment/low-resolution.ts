/**
 * Simulated low resolution of one channel: sampled down by nearest neighbour, up again linearly, in one pass without the
 * small image in between.
 *
 * Source: nnU-Net's low-resolution transform. Both steps use half-pixel centres: output o of an axis of N voxels lies at
 * (o + 1/2) n / N - 1/2 of the small axis, whose voxel i was taken from floor((i + 1/2) N / n).
 */
import type { Triple } from '@revoxel/imaging';

/**
 * @param x - one channel, `[D, H, W]`, changed in place.
 * @param shape - voxels, `[D, H, W]`.
 * @param factor - small size relative to the whole, above 0, at most 1, `[D, H, W]`; 1 leaves an axis as it is.
 */
export function lowerResolution(x: Float32Array, shape: Triple, factor: Triple): void {
  const [D, H, W] = shape;
  const [dLow, dHigh, dWeight] = axisTable(D, factor[0]);
  const [hLow, hHigh, hWeight] = axisTable(H, factor[1]);
  const [wLow, wHigh, wWeight] = axisTable(W, factor[2]);
  const source = x.slice();
  for (let d = 0, i = 0; d < D; d++) {
    const td = dWeight[d]!;
    for (let h = 0; h < H; h++) {
      const th = hWeight[h]!;
      const r00 = (dLow[d]! * H + hLow[h]!) * W;
      const r01 = (dLow[d]! * H + hHigh[h]!) * W;
      const r10 = (dHigh[d]! * H + hLow[h]!) * W;
      const r11 = (dHigh[d]! * H + hHigh[h]!) * W;
      const a = (1 - td) * (1 - th);
      const b = (1 - td) * th;
      const c = td * (1 - th);
      const e = td * th;
      for (let w = 0; w < W; w++, i++) {
        const p = wLow[w]!;
        const q = wHigh[w]!;
        const low = a * source[r00 + p]! + b * source[r01 + p]! + c * source[r10 + p]! + e * source[r11 + p]!;
        const high = a * source[r00 + q]! + b * source[r01 + q]! + c * source[r10 + q]! + e * source[r11 + q]!;
        x[i] = low + (high - low) * wWeight[w]!;
      }
    }
  }
}

/** Per output voxel of one axis: the two source voxels it is mixed from, and the weight of the second. */
function axisTable(size: number, factor: number): [low: Int32Array, high: Int32Array, weight: Float64Array] {
  const small = Math.max(1, Math.round(size * factor));
  const low = new Int32Array(size);
  const high = new Int32Array(size);
  const weight = new Float64Array(size);
  const taken = (i: number): number => Math.floor(((i + 0.5) * size) / small);
  for (let o = 0; o < size; o++) {
    const at = Math.min(small - 1, Math.max(0, ((o + 0.5) * small) / size - 0.5));
    const first = Math.floor(at);
    low[o] = taken(first);
    high[o] = taken(Math.min(small - 1, first + 1));
    weight[o] = at - first;
  }
  return [low, high, weight];
}
