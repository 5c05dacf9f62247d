/**
 * One training sample: choose a case, place a patch, cut it, augment it. A pure function of the cases, the settings and the
 * key (seed, step, sample); each transform draws from a stream of its own, so that switching one off changes no other.
 */
import type { Triple } from '@revoxel/imaging';
import { DataArgumentError } from '../data/errors.js';
import { Random } from '../data/random.js';
import { blur } from './blur.js';
import { addNoise, applyGamma, scaleBrightness, scaleContrast } from './intensity.js';
import { lowerResolution } from './low-resolution.js';
import { mirror } from './mirror.js';
import { assertPatch, fieldSize } from './options.js';
import type { AugmentOptions, Range } from './options.js';
import { OUTSIDE } from './patch-case.js';
import type { PatchCase } from './patch-case.js';
import { isForced, placePatch } from './place.js';
import { cropPatch, gatherPatch, spatialMatrix } from './spatial.js';

/** How samples are made. Plain data. */
export interface SampleOptions {
  /** Voxels, `[D, H, W]`; D = 1 for two-dimensional patches. */
  readonly patch: Triple;
  /** Samples of a batch. */
  readonly batch: number;
  /** Part of each batch, its last samples, that is centred on foreground. Default 0.33. */
  readonly foreground?: number;
  /** Settings of augmentation; `undefined` for none (validation). */
  readonly augment?: AugmentOptions | undefined;
  /**
   * Channels that were normalised within the non-zero mask: they are 0 outside it, after augmentation too. Default none.
   */
  readonly maskedChannels?: readonly number[];
  /** Seed of the run. */
  readonly seed: number;
}

/** One number per purpose; part of the key of the random numbers, so never renumber them: seeds would change their meaning. */
const STREAM = {
  place: 0,
  spatial: 1,
  noise: 2,
  blur: 3,
  brightness: 4,
  contrast: 5,
  lowResolution: 6,
  invertedGamma: 7,
  gamma: 8,
  mirror: 9,
  forced: 10,
} as const;

/** Part of a batch centred on foreground unless said otherwise. */
const DEFAULT_FOREGROUND = 0.33;

/**
 * Check the settings once, so that workers need not.
 *
 * @throws DataArgumentError naming the setting.
 */
export function assertSampleOptions(options: SampleOptions, cases: readonly PatchCase[]): void {
  assertPatch(options.patch);
  const { batch, foreground = DEFAULT_FOREGROUND, seed } = options;
  if (!(Number.isInteger(batch) && batch >= 1)) throw new DataArgumentError('batch', 'a positive integer', batch);
  if (!(foreground >= 0 && foreground <= 1))
    throw new DataArgumentError('foreground', 'a number from 0 to 1', foreground);
  if (!(Number.isSafeInteger(seed) && seed >= 0))
    throw new DataArgumentError('seed', 'an integer from 0 to 2^53 - 1', seed);
  const first = cases[0];
  if (first === undefined) throw new DataArgumentError('cases', 'at least one case', 'none');
  for (const { id, channels, shape, image, label } of cases) {
    const voxels = shape[0] * shape[1] * shape[2];
    if (channels !== first.channels)
      throw new DataArgumentError('cases', `${first.channels} channels in every case`, `${channels} in "${id}"`);
    if (image.length !== channels * voxels || label.length !== voxels) {
      throw new DataArgumentError(
        'cases',
        `${channels} x ${voxels} image and ${voxels} label voxels in "${id}"`,
        `${image.length} and ${label.length}`,
      );
    }
  }
}

/**
 * Make one sample.
 *
 * @param cases - to choose from, all with the same number of channels.
 * @param options - settings.
 * @param step - training step.
 * @param sample - index within the batch.
 * @param image - receives `[C, D, H, W]` of the patch.
 * @param label - receives `[D, H, W]`, labels 0 ... K; background outside the image.
 * @returns index of the chosen case.
 */
export function makeSample(
  cases: readonly PatchCase[],
  options: SampleOptions,
  step: number,
  sample: number,
  image: Float32Array,
  label: Uint8Array,
): number {
  const { seed, patch, augment } = options;
  const random = (stream: keyof typeof STREAM): Random => new Random({ seed, step, sample, stream: STREAM[stream] });

  const place = random('place');
  const index = place.integer(cases.length);
  const source = cases[index]!;
  const forced = isForced(sample, options.batch, options.foreground ?? DEFAULT_FOREGROUND, random('forced'));
  const start = placePatch(source, patch, fieldSize(patch, augment), forced, place);

  const matrix = augment && drawMatrix(augment, random('spatial'));
  if (matrix === undefined) cropPatch(source, start, patch, image, label);
  else gatherPatch(source, start, patch, matrix, image, label);

  if (augment !== undefined) {
    const voxels = label.length;
    const channels = Array.from({ length: source.channels }, (_, c) => image.subarray(c * voxels, (c + 1) * voxels));
    augmentIntensity(channels, patch, augment, random);
    const flips = random('mirror');
    for (const axis of augment.mirror.axes) {
      if (!flips.chance(augment.mirror.probability)) continue;
      mirror(image, patch, axis);
      mirror(label, patch, axis);
    }
  }
  finish(image, label, options.maskedChannels ?? []);
  return index;
}

/** Rotation and scaling of a sample, or `undefined` when neither happens. */
function drawMatrix(augment: AugmentOptions, random: Random): Float64Array | undefined {
  const { rotation, scaling, inPlane } = augment;
  const rotates = random.chance(rotation.probability);
  const scales = random.chance(scaling.probability);
  if (!rotates && !scales) return undefined;
  const angles = rotation.degrees.map((limit) =>
    rotates ? (random.uniform(-limit, limit) / 180) * Math.PI : 0,
  ) as unknown as Triple;
  const factor = scales ? random.uniform(...scaling.factor) : 1;
  return spatialMatrix({ angles, scale: [inPlane ? 1 : factor, factor, factor] });
}

function augmentIntensity(
  channels: readonly Float32Array[],
  patch: Triple,
  augment: AugmentOptions,
  random: (stream: keyof typeof STREAM) => Random,
): void {
  const noise = random('noise');
  if (noise.chance(augment.noise.probability)) {
    const std = noise.uniform(...augment.noise.std);
    for (const x of channels) addNoise(x, std, noise);
  }
  const blurs = random('blur');
  if (blurs.chance(augment.blur.probability)) {
    for (const x of channels) {
      if (!blurs.chance(augment.blur.channelProbability)) continue;
      const sigma = [0, 1, 2].map(() => blurs.uniform(...augment.blur.sigma)) as unknown as Triple;
      blur(x, patch, sigma);
    }
  }
  const brightness = random('brightness');
  if (brightness.chance(augment.brightness.probability)) {
    for (const x of channels) scaleBrightness(x, drawAboutOne(brightness, augment.brightness.factor));
  }
  const contrast = random('contrast');
  if (contrast.chance(augment.contrast.probability)) {
    for (const x of channels) scaleContrast(x, drawAboutOne(contrast, augment.contrast.factor));
  }
  const low = random('lowResolution');
  if (low.chance(augment.lowResolution.probability)) {
    for (const x of channels) {
      if (!low.chance(augment.lowResolution.channelProbability)) continue;
      const factor = low.uniform(...augment.lowResolution.factor);
      lowerResolution(x, patch, [augment.inPlane ? 1 : factor, factor, factor]);
    }
  }
  for (const [stream, inverted] of [
    ['invertedGamma', true],
    ['gamma', false],
  ] as const) {
    const gamma = random(stream);
    if (!gamma.chance(augment[stream].probability)) continue;
    for (const x of channels) applyGamma(x, drawAboutOne(gamma, augment[stream].gamma), inverted);
  }
}

/** A factor below 1 or above 1, equally often, uniform on its side of the range. */
function drawAboutOne(random: Random, [low, high]: Range): number {
  const below = random.chance(0.5);
  return below
    ? random.uniform(low, Math.max(low, Math.min(1, high)))
    : random.uniform(Math.min(high, Math.max(1, low)), high);
}

/** Masked channels become 0 outside, then outside becomes background. */
function finish(image: Float32Array, label: Uint8Array, masked: readonly number[]): void {
  const n = label.length;
  for (const c of masked) {
    for (let i = 0; i < n; i++) if (label[i] === OUTSIDE) image[c * n + i] = 0;
  }
  for (let i = 0; i < n; i++) if (label[i] === OUTSIDE) label[i] = 0;
}
