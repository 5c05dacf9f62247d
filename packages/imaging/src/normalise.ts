/**
 * Intensity normalisation, one scheme per channel, as nnU-Net defines them. Sums are float64, results float32. Where the
 * numbers of a data set come from (its fingerprint) is not decided here.
 *
 * Source: Isensee et al. 2021 (doi 10.1038/s41592-020-01008-z), normalisation schemes.
 */
import { toNumberVoxels } from './dtype.js';
import { ArgumentError, GeometryError } from './errors.js';
import { assertVolume } from './make-volume.js';
import type { Volume } from './volume.js';

/** Below this a standard deviation or a range counts as zero. */
const EPSILON = 1e-8;

/** How to normalise one channel. */
export type Normalisation =
  /** (x - mean) / std of the channel; with `useMask` over the mask alone, other voxels keep their value. */
  | { readonly kind: 'zscore'; readonly useMask?: boolean }
  /** Clip to [lower, upper], then (x - mean) / std, all four from the data set's foreground (Hounsfield units). */
  | { readonly kind: 'ct'; readonly lower: number; readonly upper: number; readonly mean: number; readonly std: number }
  /** (x - min) / (max - min) of the channel. */
  | { readonly kind: 'rescale' }
  /** x / 255; values must lie in 0 to 255. */
  | { readonly kind: 'rgb' }
  /** Only the conversion to float32. */
  | { readonly kind: 'none' };

/**
 * The scheme a channel's name asks for, compared without regard to case: `CT`, `noNorm`, `rescale_to_0_1`, `rgb_to_0_1`; every
 * other name means z-score.
 *
 * @param channelName - as in `dataset.json`.
 */
export function normalisationKindFor(channelName: string): Normalisation['kind'] {
  switch (channelName.toLowerCase()) {
    case 'ct':
      return 'ct';
    case 'nonorm':
      return 'none';
    case 'rescale_to_0_1':
      return 'rescale';
    case 'rgb_to_0_1':
      return 'rgb';
    default:
      return 'zscore';
  }
}

/**
 * Normalise a volume.
 *
 * @param volume - `[channels, D, H, W]`, any type.
 * @param schemes - one per channel.
 * @param mask - `[D, H, W]`, needed by z-score with `useMask`: voxels >= 0 count (label maps of `cropToNonZero` fit as they are).
 * @returns `[channels, D, H, W]` float32, a copy.
 * @throws ArgumentError for a missing scheme or mask, or values outside a scheme's range; GeometryError for a mask of the wrong size.
 */
export function normalise(
  volume: Volume,
  schemes: readonly Normalisation[],
  mask?: ArrayLike<number>,
): Volume<Float32Array> {
  assertVolume(volume, 'normalise');
  if (schemes.length !== volume.channels) {
    throw new ArgumentError('schemes', `one scheme for each of ${volume.channels} channels`, schemes.length);
  }
  const n = volume.shape[0] * volume.shape[1] * volume.shape[2];
  if (mask !== undefined && mask.length !== n) {
    throw new GeometryError(`normalise: mask has ${mask.length} voxels, the volume ${n}; make both from one grid`);
  }
  const data = Float32Array.from(toNumberVoxels(volume.data));
  schemes.forEach((scheme, c) => {
    normaliseChannel(data.subarray(c * n, (c + 1) * n), scheme, mask);
  });
  return { data, channels: volume.channels, shape: volume.shape, spacing: volume.spacing, affine: volume.affine };
}

/**
 * Normalise one channel in place.
 *
 * @param x - voxels, changed.
 * @param scheme - what to do.
 * @param mask - as in `normalise`.
 */
export function normaliseChannel(x: Float32Array, scheme: Normalisation, mask?: ArrayLike<number>): void {
  const n = x.length;
  switch (scheme.kind) {
    case 'zscore': {
      if (scheme.useMask === true && mask === undefined)
        throw new ArgumentError('mask', 'a mask, as the scheme has useMask', mask);
      zScore(x, scheme.useMask === true ? mask : undefined);
      return;
    }
    case 'ct': {
      const { lower, upper, mean } = scheme;
      if (!(lower <= upper)) throw new ArgumentError('scheme', 'lower <= upper', `${lower} and ${upper}`);
      const std = Math.max(scheme.std, EPSILON);
      for (let i = 0; i < n; i++) {
        const v = x[i]!;
        x[i] = ((v < lower ? lower : v > upper ? upper : v) - mean) / std;
      }
      return;
    }
    case 'rescale': {
      const [low, high] = range(x);
      const width = Math.max(high - low, EPSILON);
      for (let i = 0; i < n; i++) x[i] = (x[i]! - low) / width;
      return;
    }
    case 'rgb': {
      const [low, high] = range(x);
      if (low < 0 || high > 255)
        throw new ArgumentError('volume', 'values from 0 to 255 for the rgb scheme', `${low} to ${high}`);
      for (let i = 0; i < n; i++) x[i] = x[i]! / 255;
      return;
    }
    case 'none':
      return;
    default:
      scheme satisfies never;
  }
}

/** Two passes: the mean first, then the squares around it, which is exact enough for any offset. */
function zScore(x: Float32Array, mask: ArrayLike<number> | undefined): void {
  const n = x.length;
  let sum = 0;
  let count = 0;
  for (let i = 0; i < n; i++) {
    if (mask !== undefined && !(mask[i]! >= 0)) continue;
    sum += x[i]!;
    count++;
  }
  if (count === 0) return;
  const mean = sum / count;
  let squares = 0;
  for (let i = 0; i < n; i++) {
    if (mask !== undefined && !(mask[i]! >= 0)) continue;
    const d = x[i]! - mean;
    squares += d * d;
  }
  const std = Math.max(Math.sqrt(squares / count), EPSILON);
  for (let i = 0; i < n; i++) {
    if (mask !== undefined && !(mask[i]! >= 0)) continue;
    x[i] = (x[i]! - mean) / std;
  }
}

function range(x: Float32Array): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < x.length; i++) {
    const v = x[i]!;
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return [low, high];
}
