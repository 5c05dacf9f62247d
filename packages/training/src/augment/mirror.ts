/**
 * Mirroring one axis of a volume in place.
 */
import type { Triple } from '@revoxel/imaging';

/**
 * @param x - any number of channels, `[C, D, H, W]` or `[D, H, W]`.
 * @param shape - voxels, `[D, H, W]`.
 * @param axis - 0 for D, 1 for H, 2 for W.
 */
export function mirror(x: Float32Array | Uint8Array, shape: Triple, axis: 0 | 1 | 2): void {
  const [d, h, w] = shape;
  if (axis === 2) {
    // A loop of its own: one view per row to reverse would cost more than the voxels.
    for (let row = 0; row < x.length; row += w) {
      for (let i = row, j = row + w - 1; i < j; i++, j--) {
        const kept = x[i]!;
        x[i] = x[j]!;
        x[j] = kept;
      }
    }
    return;
  }
  const n = axis === 0 ? d : h;
  const stride = axis === 0 ? h * w : w;
  for (let block = 0; block < x.length; block += n * stride) {
    for (let i = 0, j = n - 1; i < j; i++, j--) {
      const a = block + i * stride;
      const b = block + j * stride;
      const kept = x.slice(a, a + stride);
      x.copyWithin(a, b, b + stride);
      x.set(kept, b);
    }
  }
}
