/**
 * Point transforms of one channel, in place: noise, brightness, contrast, gamma. Nothing here draws parameters; only the noise
 * draws its values. Blur and low resolution, which look at neighbours, have files of their own.
 *
 * Source: nnU-Net's default intensity transforms.
 */
import type { Random } from '../data/random.js';

/** Smallest divisor, so that a constant channel stays finite. */
const EPSILON = 1e-7;

/**
 * x + std * z with z standard normal, voxel by voxel.
 *
 * @param x - any number of voxels.
 * @param std - standard deviation in units of x.
 * @param random - two words per voxel pair are drawn.
 */
export function addNoise(x: Float32Array, std: number, random: Random): void {
  const n = x.length;
  for (let i = 0; i < n; i++) x[i] = x[i]! + std * random.normal();
}

/** x * factor. */
export function scaleBrightness(x: Float32Array, factor: number): void {
  const n = x.length;
  for (let i = 0; i < n; i++) x[i] = x[i]! * factor;
}

/** (x - mean) * factor + mean, clipped to the range x had. */
export function scaleContrast(x: Float32Array, factor: number): void {
  const { mean, min, max } = statistics(x);
  const n = x.length;
  for (let i = 0; i < n; i++) {
    const v = (x[i]! - mean) * factor + mean;
    x[i] = v < min ? min : v > max ? max : v;
  }
}

/**
 * ((x - min) / range)^gamma * range + min, then mean and standard deviation (n - 1) brought back to what they were.
 *
 * @param x - one channel.
 * @param gamma - exponent, above 0.
 * @param inverted - apply it to -x and turn back: then dark and bright change places.
 */
export function applyGamma(x: Float32Array, gamma: number, inverted: boolean): void {
  const n = x.length;
  const { mean, std, min, max } = statistics(x);
  const range = Math.max(max - min, EPSILON);
  const sign = inverted ? -1 : 1;
  const low = inverted ? -max : min;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const v = Math.pow((sign * x[i]! - low) / range, gamma) * range + low;
    x[i] = v;
    sum += v;
  }
  const newMean = sum / n;
  let squares = 0;
  for (let i = 0; i < n; i++) {
    const difference = x[i]! - newMean;
    squares += difference * difference; // not `** 2`: that is a call of pow, several times the time of the whole loop
  }
  const newStd = Math.sqrt(squares / Math.max(1, n - 1));
  const factor = std / Math.max(newStd, EPSILON);
  for (let i = 0; i < n; i++) x[i] = sign * (x[i]! - newMean) * factor + mean;
}

/** Mean, standard deviation (n - 1), least and greatest value, in float64. */
export function statistics(x: Float32Array): { mean: number; std: number; min: number; max: number } {
  const n = x.length;
  let sum = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < n; i++) {
    const v = x[i]!;
    sum += v;
    if (v < min) min = v;
    if (v > max) max = v;
  }
  const mean = sum / n;
  let squares = 0;
  for (let i = 0; i < n; i++) {
    const difference = x[i]! - mean;
    squares += difference * difference;
  }
  return { mean, std: Math.sqrt(squares / Math.max(1, n - 1)), min, max };
}
