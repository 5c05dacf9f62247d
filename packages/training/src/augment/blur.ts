/**
 * Gaussian blur of one channel, separable, in place. Borders reflect about the outermost voxel.
 *
 * Source: nnU-Net's Gaussian blur transform: kernel length is the odd integer nearest to 6 sigma + 0.5.
 */
import type { Triple } from '@revoxel/imaging';

/**
 * Blur along each axis whose sigma is above 0 and that is longer than one voxel.
 *
 * @param x - one channel, `[D, H, W]`.
 * @param shape - voxels, `[D, H, W]`.
 * @param sigma - standard deviations in voxels, `[D, H, W]`.
 */
export function blur(x: Float32Array, shape: Triple, sigma: Triple): void {
  const buffer = new Float32Array(x.length);
  let from: Float32Array = x;
  let to: Float32Array = buffer;
  for (let axis = 0; axis < 3; axis++) {
    if (sigma[axis]! <= 0 || shape[axis] === 1) continue;
    if (axis === 2) blurRows(from, to, shape, gaussianKernel(sigma[2]));
    else blurAcrossRows(from, to, shape, axis, gaussianKernel(sigma[axis]!));
    [from, to] = [to, from];
  }
  if (from !== x) x.set(from);
}

/** Weights of the kernel, sum 1, odd length. */
export function gaussianKernel(sigma: number): Float64Array {
  const radius = Math.max(0, Math.round((6 * sigma + 0.5 - 1) / 2));
  const kernel = new Float64Array(2 * radius + 1);
  let sum = 0;
  for (let t = -radius; t <= radius; t++) {
    const v = Math.exp(-0.5 * (t / sigma) ** 2);
    kernel[t + radius] = v;
    sum += v;
  }
  return kernel.map((v) => v / sum);
}

/** Index after reflection about the first and the last voxel, for any distance. */
function reflect(i: number, n: number): number {
  const period = 2 * (n - 1);
  const folded = Math.abs(i) % period;
  return folded < n ? folded : period - folded;
}

/** Along W: each row is copied between reflected ends, so the inner loop has no border case. */
function blurRows(from: Float32Array, to: Float32Array, shape: Triple, kernel: Float64Array): void {
  const w = shape[2];
  const radius = kernel.length >> 1;
  const line = new Float64Array(w + 2 * radius);
  for (let row = 0; row < from.length; row += w) {
    for (let i = 0; i < w; i++) line[i + radius] = from[row + i]!;
    for (let i = 1; i <= radius; i++) {
      line[radius - i] = from[row + reflect(-i, w)]!;
      line[radius + w - 1 + i] = from[row + reflect(w - 1 + i, w)]!;
    }
    for (let i = 0; i < w; i++) {
      let sum = 0;
      for (let t = 0; t < kernel.length; t++) sum += kernel[t]! * line[i + t]!;
      to[row + i] = sum;
    }
  }
}

/** Along D or H: a weighted sum of whole rows, so memory is read in order. */
function blurAcrossRows(from: Float32Array, to: Float32Array, shape: Triple, axis: number, kernel: Float64Array): void {
  const n = shape[axis]!;
  const stride = axis === 0 ? shape[1] * shape[2] : shape[2];
  const radius = kernel.length >> 1;
  const sums = new Float64Array(stride);
  for (let block = 0; block < from.length; block += n * stride) {
    for (let o = 0; o < n; o++) {
      sums.fill(0);
      for (let t = 0; t < kernel.length; t++) {
        const weight = kernel[t]!;
        const src = block + reflect(o + t - radius, n) * stride;
        for (let i = 0; i < stride; i++) sums[i]! += weight * from[src + i]!;
      }
      to.set(sums, block + o * stride);
    }
  }
}
