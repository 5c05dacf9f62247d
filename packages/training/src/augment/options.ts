/**
 * What augmentation does, how often and how strongly: plain data, so that workers, run folders and people can read it.
 * Not here: the transforms (spatial.ts, intensity.ts, blur.ts, low-resolution.ts, mirror.ts) and their order (sample.ts).
 *
 * Source of the default values: nnU-Net's default training transforms (Isensee et al. 2021, doi 10.1038/s41592-020-01008-z).
 */
import type { Triple } from '@revoxel/imaging';
import { DataArgumentError } from '../data/errors.js';

/** Lowest and highest value of a uniform draw. */
export type Range = readonly [low: number, high: number];

/** A transform's chance to happen. */
export interface Chance {
  /** Of the whole transform, per sample. */
  readonly probability: number;
}

/** Every setting of training augmentation. Axes are `[D, H, W]` = 0, 1, 2. */
export interface AugmentOptions {
  /** Rotation about each axis by a uniform angle from -degrees to +degrees. */
  readonly rotation: Chance & { readonly degrees: Triple };
  /** One factor for all axes; above 1 a larger field is sampled, so objects shrink. */
  readonly scaling: Chance & { readonly factor: Range };
  /** Rotate and scale within slices only (thick slices, and two-dimensional patches). */
  readonly inPlane: boolean;
  /** Gaussian noise of one standard deviation for all channels, in units of the normalised image. */
  readonly noise: Chance & { readonly std: Range };
  /** Gaussian blur; sigma in voxels, drawn per channel and axis. */
  readonly blur: Chance & { readonly channelProbability: number; readonly sigma: Range };
  /** x * f per channel; f below or above 1 equally often. */
  readonly brightness: Chance & { readonly factor: Range };
  /** (x - mean) * f + mean per channel, clipped to the old range; f below or above 1 equally often. */
  readonly contrast: Chance & { readonly factor: Range };
  /** Sampled down (nearest) and up again (linear). */
  readonly lowResolution: Chance & { readonly channelProbability: number; readonly factor: Range };
  /** Power law on the inverted image; mean and standard deviation are kept. */
  readonly invertedGamma: Chance & { readonly gamma: Range };
  /** Power law; mean and standard deviation are kept. */
  readonly gamma: Chance & { readonly gamma: Range };
  /** Flip of each listed axis with the probability. */
  readonly mirror: Chance & { readonly axes: readonly (0 | 1 | 2)[] };
}

/**
 * nnU-Net's default augmentation for a patch size.
 *
 * @param patch - voxels, `[D, H, W]`; D = 1 for two-dimensional patches.
 * @returns settings: rotation 30 degrees about each axis; when the patch's longest edge is more than 3 times D, any angle within
 * slices; in 2D 15 degrees for patches more oblong than 1.5.
 */
export function defaultAugmentation(patch: Triple): AugmentOptions {
  assertPatch(patch);
  const [d, h, w] = patch;
  const flat = d === 1;
  const inPlane = Math.max(...patch) / d > 3;
  const flatDegrees = flat && Math.max(h, w) / Math.min(h, w) > 1.5 ? 15 : 180;
  return {
    rotation: { probability: 0.2, degrees: inPlane ? [flatDegrees, 0, 0] : [30, 30, 30] },
    scaling: { probability: 0.2, factor: [0.7, 1.4] },
    inPlane,
    noise: { probability: 0.1, std: [0, 0.1] },
    blur: { probability: 0.2, channelProbability: 0.5, sigma: [0.5, 1] },
    brightness: { probability: 0.15, factor: [0.75, 1.25] },
    contrast: { probability: 0.15, factor: [0.75, 1.25] },
    lowResolution: { probability: 0.25, channelProbability: 0.5, factor: [0.5, 1] },
    invertedGamma: { probability: 0.1, gamma: [0.7, 1.5] },
    gamma: { probability: 0.3, gamma: [0.7, 1.5] },
    mirror: { probability: 0.5, axes: flat ? [1, 2] : [0, 1, 2] },
  };
}

/**
 * Size of the field a patch's centre is placed for, so that a rotated and shrunk patch still finds image around it.
 *
 * @param patch - voxels, `[D, H, W]`.
 * @param augment - `undefined` for validation: then it is the patch itself.
 * @returns voxels, `[D, H, W]`, at least the patch.
 */
export function fieldSize(patch: Triple, augment: AugmentOptions | undefined): Triple {
  if (augment === undefined) return patch;
  const longest: [number, number, number] = [...patch];
  for (let axis = 0; axis < 3; axis++) {
    // Beyond 90 degrees no corner moves further out. The patch vector turns about one axis: a of the other two gains, b loses.
    const angle = (Math.min(90, augment.rotation.degrees[axis]!) / 180) * Math.PI;
    const a = (axis + 1) % 3;
    const b = (axis + 2) % 3;
    longest[a] = Math.max(longest[a]!, Math.abs(Math.cos(angle) * patch[a]! + Math.sin(angle) * patch[b]!));
    longest[b] = Math.max(longest[b]!, Math.abs(Math.cos(angle) * patch[b]! - Math.sin(angle) * patch[a]!));
  }
  // A fixed 0.85, nnU-Net's, whatever the scaling range: it decides where patches may lie, not what is sampled.
  const grown = longest.map((edge, axis) => (axis === 0 && augment.inPlane ? patch[0] : Math.trunc(edge / 0.85)));
  return grown as unknown as Triple;
}

/**
 * Check a patch size.
 *
 * @throws DataArgumentError unless it is three positive integers.
 */
export function assertPatch(patch: Triple): void {
  if (patch.length !== 3 || !patch.every((n) => Number.isInteger(n) && n >= 1)) {
    throw new DataArgumentError('patch', 'three positive integers [D, H, W]', `[${patch.join(', ')}]`);
  }
}
