/**
 * The fingerprint of a data set: spacings, shapes and foreground intensities, from which spacing and normalisation are
 * chosen. All shapes and spacings are of the canonical orientation, after the crop to non-zero.
 *
 * Source: nnU-Net's fingerprint (Isensee et al. 2021, doi 10.1038/s41592-020-01008-z). With `samples` 1e8 and images stored in
 * canonical orientation the intensities are nnU-Net's to rounding: same generator, same draws.
 */
import { cropToNonZero, toCanonical } from '@revoxel/imaging';
import type { Triple } from '@revoxel/imaging';
import { z } from 'zod';
import { readJson, writeJson } from '../json.js';
import type { Dataset } from './dataset.js';
import { DataArgumentError } from './errors.js';
import { loadCase } from './load-case.js';
import type { LoadedCase } from './load-case.js';
import { Mt19937 } from './mt19937.js';

/** Statistics of one channel over foreground voxels (label above 0), in the image's own unit. */
export interface IntensityStatistics {
  readonly mean: number;
  readonly median: number;
  /** Of the population (n). */
  readonly std: number;
  readonly min: number;
  readonly max: number;
  readonly percentile_00_5: number;
  readonly percentile_99_5: number;
}

/** What is known of a data set's images; the form of nnU-Net's `dataset_fingerprint.json`. */
export interface Fingerprint {
  /** mm per case, `[D, H, W]`. */
  readonly spacings: readonly Triple[];
  /** Voxels per case, `[D, H, W]`, after the crop to non-zero. */
  readonly shapes_after_crop: readonly Triple[];
  /** Median over cases of voxels after / before the crop. */
  readonly median_relative_size_after_cropping: number;
  /** By channel index. */
  readonly foreground_intensity_properties_per_channel: Readonly<Record<string, IntensityStatistics>>;
}

/** Options of `fingerprintDataset`. */
export interface FingerprintOptions {
  /** Cases to look at. Default: all. */
  readonly ids?: readonly string[];
  /**
   * Foreground voxels drawn over the whole data set, per channel, with replacement and equally many from each case. Default
   * 2e6: percentiles within about 1e-4 of their rank, in 8 MB per channel. nnU-Net draws 1e8.
   */
  readonly samples?: number;
  /** Called after each case. */
  readonly onCase?: (id: string, done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** Seed of each case's draws, nnU-Net's. */
const SAMPLE_SEED = 1234;

/**
 * Look at every case of a data set.
 *
 * @param dataset - opened.
 * @param options - which cases, how many samples.
 * @returns spacings, shapes and statistics. Memory: one case and the samples.
 * @throws what `loadCase` throws; the signal's reason when aborted.
 */
export async function fingerprintDataset(dataset: Dataset, options: FingerprintOptions = {}): Promise<Fingerprint> {
  const ids = options.ids ?? dataset.cases.map((c) => c.id);
  const total = options.samples ?? 2e6;
  if (ids.length === 0) throw new DataArgumentError('ids', 'at least one case', 'none');
  if (!(Number.isInteger(total) && total >= ids.length))
    throw new DataArgumentError('samples', `an integer of at least ${ids.length} (one per case)`, total);
  const perCase = Math.floor(total / ids.length);
  const channels = dataset.channelNames.length;
  const samples = Array.from({ length: channels }, () => new Float32Array(perCase * ids.length));
  let filled = 0;
  const spacings: Triple[] = [];
  const shapes: Triple[] = [];
  const relative: number[] = [];
  for (const [i, id] of ids.entries()) {
    options.signal?.throwIfAborted();
    const { spacing, shape, relativeSize, draws } = fingerprintCase(await loadCase(dataset, id), perCase);
    spacings.push(spacing);
    shapes.push(shape);
    relative.push(relativeSize);
    if (draws !== undefined) {
      draws.forEach((values, c) => samples[c]!.set(values, filled));
      filled += perCase;
    }
    options.onCase?.(id, i + 1, ids.length);
  }
  return {
    spacings,
    shapes_after_crop: shapes,
    median_relative_size_after_cropping: percentile(Float64Array.from(relative).sort(), 50),
    foreground_intensity_properties_per_channel: Object.fromEntries(
      samples.map((values, c) => [String(c), intensityStatistics(values.subarray(0, filled))]),
    ),
  };
}

/** One case's part: geometry, and per channel `count` foreground values drawn with replacement (`undefined` without foreground). */
export function fingerprintCase(
  { image, label }: Pick<LoadedCase, 'image' | 'label'>,
  count: number,
): { spacing: Triple; shape: Triple; relativeSize: number; draws: Float32Array[] | undefined } {
  const canonical = toCanonical(image).volume;
  const cropped = cropToNonZero(canonical, toCanonical(label).volume);
  const shape = cropped.image.shape;
  const voxels = shape[0] * shape[1] * shape[2];
  const before = image.shape[0] * image.shape[1] * image.shape[2];
  const marks = cropped.label.data;
  const foreground: number[] = [];
  for (let i = 0; i < voxels; i++) if (marks[i]! > 0) foreground.push(i);
  const geometry = { spacing: canonical.spacing, shape, relativeSize: voxels / before };
  if (foreground.length === 0) return { ...geometry, draws: undefined };
  // One generator for all channels, in channel order.
  const generator = new Mt19937(SAMPLE_SEED);
  const draws = Array.from({ length: image.channels }, (_, c) => {
    const values = new Float32Array(count);
    for (let i = 0; i < count; i++)
      values[i] = cropped.image.data[c * voxels + foreground[generator.bounded(foreground.length - 1)]!]!;
    return values;
  });
  return { ...geometry, draws };
}

/** Statistics of a sample; zeros for an empty one (no case has foreground). Sorts `values`. */
function intensityStatistics(values: Float32Array): IntensityStatistics {
  const n = values.length;
  if (n === 0) return { mean: 0, median: 0, std: 0, min: 0, max: 0, percentile_00_5: 0, percentile_99_5: 0 };
  values.sort();
  let sum = 0;
  for (let i = 0; i < n; i++) sum += values[i]!;
  const mean = sum / n;
  let squares = 0;
  for (let i = 0; i < n; i++) {
    const d = values[i]! - mean;
    squares += d * d;
  }
  return {
    mean,
    median: percentile(values, 50),
    std: Math.sqrt(squares / n),
    min: values[0]!,
    max: values[n - 1]!,
    percentile_00_5: percentile(values, 0.5),
    percentile_99_5: percentile(values, 99.5),
  };
}

/**
 * Percentile with linear interpolation between neighbours (numpy's default).
 *
 * @param sorted - ascending, at least one value.
 * @param q - 0 to 100.
 */
export function percentile(sorted: ArrayLike<number>, q: number): number {
  const at = (q / 100) * (sorted.length - 1);
  const low = Math.floor(at);
  const a = sorted[low]!;
  const b = sorted[Math.min(low + 1, sorted.length - 1)]!;
  return a + (b - a) * (at - low);
}

const triple = z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]);
const statisticsSchema = z.object({
  mean: z.number(),
  median: z.number(),
  std: z.number(),
  min: z.number(),
  max: z.number(),
  percentile_00_5: z.number(),
  percentile_99_5: z.number(),
});
const fingerprintSchema = z.object({
  spacings: z.array(triple).min(1),
  shapes_after_crop: z.array(triple).min(1),
  median_relative_size_after_cropping: z.number(),
  foreground_intensity_properties_per_channel: z.record(z.string(), statisticsSchema),
});

/**
 * Read a fingerprint.
 *
 * @throws DatasetError when the file is missing or of another form.
 */
export async function readFingerprint(file: string): Promise<Fingerprint> {
  return readJson(file, fingerprintSchema, 'delete the file to have it made again');
}

/**
 * Write a fingerprint.
 *
 * @throws DatasetError when the system refuses.
 */
export async function writeFingerprint(file: string, fingerprint: Fingerprint): Promise<void> {
  await writeJson(file, fingerprint);
}
