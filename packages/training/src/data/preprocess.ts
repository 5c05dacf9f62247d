/**
 * Preprocessing one case: canonical orientation, crop to non-zero, normalise, resample. What is needed to bring a prediction back
 * to the file's own grid is kept (restore.ts does it). Files are cache.ts's business.
 *
 * Source: nnU-Net's default preprocessing (Isensee et al. 2021, doi 10.1038/s41592-020-01008-z); nnU-Net leaves the stored
 * orientation alone, here left is left and up is up for every file before the network sees it.
 */
import {
  cropToNonZero,
  normalisationKindFor,
  normalise,
  resampleLabels,
  resampleToShape,
  shapeForSpacing,
  toCanonical,
} from '@revoxel/imaging';
import type { Box, Normalisation, Reorientation, Triple, Volume } from '@revoxel/imaging';
import { OUTSIDE } from '../augment/patch-case.js';
import { DataArgumentError } from './errors.js';
import type { Dataset } from './dataset.js';
import { percentile } from './fingerprint.js';
import type { Fingerprint } from './fingerprint.js';

/** How every case of a data set is preprocessed. Plain data; part of a run folder. */
export interface PreprocessPlan {
  /** Target spacing in mm, `[D, H, W]` of the canonical orientation. */
  readonly spacing: Triple;
  /** One scheme per channel. */
  readonly normalisation: readonly Normalisation[];
}

/** What has happened to a case on its way, for the way back. Plain data. */
export interface CaseProperties {
  /** File grid to canonical grid. */
  readonly reorientation: Reorientation;
  /** Voxels of the canonical grid, `[D, H, W]`. */
  readonly canonicalShape: Triple;
  /** What was kept of the canonical grid. */
  readonly box: Box;
  /** mm, `[D, H, W]`, before resampling. */
  readonly canonicalSpacing: Triple;
  /** Voxels after resampling, `[D, H, W]`: the network's grid. */
  readonly shape: Triple;
  /** mm, `[D, H, W]`, asked for (the plan's). */
  readonly spacing: Triple;
}

/** A preprocessed image. */
export interface PreprocessedImage {
  /** `[C, D, H, W]`, normalised, on the network's grid. */
  readonly image: Volume<Float32Array>;
  readonly properties: CaseProperties;
}

/** A preprocessed training case. */
export interface PreprocessedPair extends PreprocessedImage {
  /** `[1, D, H, W]`, labels 0 ... K, `OUTSIDE` where the label is 0 and every channel of the image is empty. */
  readonly label: Volume<Uint8Array>;
}

/** Below this median share of the image left by the crop, z-scores are taken within the non-zero mask. */
const MASK_THRESHOLD = 0.75;

/**
 * Choose how to preprocess a data set.
 *
 * @param dataset - its channel names select the schemes (`CT`, `noNorm`, `rescale_to_0_1`, `rgb_to_0_1`, else z-score).
 * @param fingerprint - of its cases.
 * @param spacing - target in mm, `[D, H, W]`. Default: the median of each axis.
 */
export function planPreprocessing(
  dataset: Pick<Dataset, 'channelNames'>,
  fingerprint: Fingerprint,
  spacing: Triple = medianSpacing(fingerprint),
): PreprocessPlan {
  if (!spacing.every((s) => Number.isFinite(s) && s > 0))
    throw new DataArgumentError('spacing', 'three numbers above 0', `[${spacing.join(', ')}]`);
  const useMask = fingerprint.median_relative_size_after_cropping < MASK_THRESHOLD;
  const normalisation = dataset.channelNames.map((name, c): Normalisation => {
    const kind = normalisationKindFor(name);
    if (kind === 'zscore') return { kind, useMask };
    if (kind !== 'ct') return { kind };
    const statistics = fingerprint.foreground_intensity_properties_per_channel[String(c)];
    if (statistics === undefined) throw new DataArgumentError('fingerprint', `statistics of channel ${c}`, 'none');
    const { percentile_00_5: lower, percentile_99_5: upper, mean, std } = statistics;
    return { kind, lower, upper, mean, std };
  });
  return { spacing, normalisation };
}

function medianSpacing({ spacings }: Fingerprint): Triple {
  const median = (axis: number): number => percentile(Float64Array.from(spacings, (s) => s[axis]!).sort(), 50);
  return [median(0), median(1), median(2)];
}

/** Channels that are 0 outside the non-zero mask and must stay so under augmentation. */
export function maskedChannels(plan: PreprocessPlan): number[] {
  return plan.normalisation.flatMap((scheme, c) => (scheme.kind === 'zscore' && scheme.useMask === true ? [c] : []));
}

/**
 * Preprocess an image to predict.
 *
 * @param image - `[C, D, H, W]`, any orientation.
 * @param plan - of the data set the network was trained on.
 * @throws DataArgumentError when the plan has another number of channels; GeometryError for a singular affine.
 */
export function preprocessImage(image: Volume<Float32Array>, plan: PreprocessPlan): PreprocessedImage {
  const { image: done, properties } = preprocess(image, undefined, plan);
  return { image: done, properties };
}

/**
 * Preprocess a training case.
 *
 * @param image - `[C, D, H, W]`, any orientation.
 * @param label - `[1, D, H, W]`, on the image's grid, labels below `OUTSIDE`.
 * @param plan - how.
 * @throws as `preprocessImage`.
 */
export function preprocessPair(
  image: Volume<Float32Array>,
  label: Volume<Uint8Array>,
  plan: PreprocessPlan,
): PreprocessedPair {
  return preprocess(image, label, plan);
}

function preprocess(
  image: Volume<Float32Array>,
  label: Volume<Uint8Array> | undefined,
  plan: PreprocessPlan,
): PreprocessedPair {
  if (plan.normalisation.length !== image.channels) {
    throw new DataArgumentError('image', `${plan.normalisation.length} channels as in the plan`, image.channels);
  }
  const { volume: canonical, reorientation } = toCanonical(image);
  const cropped = cropToNonZero(canonical, label && toCanonical(label).volume);
  const normalised = normalise(cropped.image, plan.normalisation, cropped.label.data);
  const shape = shapeForSpacing(normalised.shape, normalised.spacing, plan.spacing);
  const stays = shape.every((n, i) => n === normalised.shape[i]);
  const resampled = stays
    ? normalised
    : (resampleToShape(normalised, shape, { newSpacing: plan.spacing }) as Volume<Float32Array>);
  const marks = stays ? cropped.label : resampleLabels(cropped.label, shape, { newSpacing: plan.spacing });
  const labels = Uint8Array.from(marks.data, (k) => (k < 0 ? OUTSIDE : k));
  return {
    image: resampled,
    label: { data: labels, channels: 1, shape, spacing: resampled.spacing, affine: resampled.affine },
    properties: {
      reorientation,
      canonicalShape: canonical.shape,
      box: cropped.box,
      canonicalSpacing: canonical.spacing,
      shape,
      spacing: plan.spacing,
    },
  };
}
