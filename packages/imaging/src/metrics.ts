/**
 * Overlap of a predicted and a reference label map: confusion counts, Dice, IoU, volumes. No surface distances.
 *
 * Conventions are nnU-Net's: counts over voxels, voxels whose reference is the ignore label left out, NaN when a label
 * occurs in neither map, NaN skipped in means. A region (several labels as one) is given as a list of labels.
 *
 * Sources: Dice 1945 (doi 10.2307/1932409); Jaccard 1912; Isensee et al. 2021 (doi 10.1038/s41592-020-01008-z).
 */
import { determinant3 } from './affine.js';
import { toNumberVoxels } from './dtype.js';
import { ArgumentError, GeometryError } from './errors.js';
import { assertSameShape } from './make-volume.js';
import type { Volume, VoxelArray } from './volume.js';

/** A label, or a region: the union of several labels. */
export type LabelOrRegion = number | readonly number[];

/** Voxel counts of one label or region. */
export interface Confusion {
  /** The label, or the labels of the region. */
  readonly label: LabelOrRegion;
  /** Voxels in both maps. */
  readonly truePositive: number;
  /** Voxels in the prediction alone. */
  readonly falsePositive: number;
  /** Voxels in the reference alone. */
  readonly falseNegative: number;
  /** Voxels in neither. */
  readonly trueNegative: number;
}

/** Scores of one label or region. */
export interface LabelScore extends Confusion {
  /** 0 to 1, or `emptyValue` when the label is in neither map. */
  readonly dice: number;
  /** 0 to 1, or `emptyValue` when the label is in neither map. */
  readonly iou: number;
  /** Voxels of the label in the prediction and in the reference, ignored voxels left out. */
  readonly predictionVoxels: number;
  readonly referenceVoxels: number;
  /** The same in mL (1000 mm^3). */
  readonly predictionMl: number;
  readonly referenceMl: number;
}

/** Options of `confusion` and `scoreLabels`. */
export interface ScoreOptions {
  /** What to score, in this order. Default: every label > 0 that occurs in either map, ascending. */
  readonly labels?: readonly LabelOrRegion[];
  /** Voxels with this reference label are left out. */
  readonly ignoreLabel?: number;
  /** Dice and IoU of a label that is in neither map: NaN (default, nnU-Net's convention: not counted) or 1 (perfect agreement). */
  readonly emptyValue?: number;
}

/** Labels beyond this distance from each other are refused: they are hardly labels, and tables would not fit. */
const LARGEST_RANGE = 2 ** 24;

/**
 * Confusion counts of two label maps.
 *
 * @param prediction - labels, integers in any numeric array; order and length as `reference`.
 * @param reference - labels.
 * @param options - labels or regions to count, ignore label.
 * @returns one entry per requested label or region. Time: one pass for all labels, one more per region.
 * @throws GeometryError when the lengths differ, ArgumentError when a value is not an integer.
 */
export function confusion(prediction: VoxelArray, reference: VoxelArray, options: ScoreOptions = {}): Confusion[] {
  if (prediction.length !== reference.length) {
    throw new GeometryError(
      `confusion: prediction has ${prediction.length} voxels, reference ${reference.length}; resample them to one grid first`,
    );
  }
  const p = toNumberVoxels(prediction);
  const r = toNumberVoxels(reference);
  const [lowP, highP] = labelRange(p, 'prediction');
  const [lowR, highR] = labelRange(r, 'reference');
  const low = Math.min(lowP, lowR);
  const size = Math.max(highP, highR) - low + 1;
  if (size > LARGEST_RANGE)
    throw new ArgumentError('labels', `labels within a range of ${LARGEST_RANGE}`, `${low} to ${low + size - 1}`);

  const ignore = options.ignoreLabel;
  const both = new Float64Array(size);
  const inPrediction = new Float64Array(size);
  const inReference = new Float64Array(size);
  let counted = 0;
  const n = p.length;
  for (let i = 0; i < n; i++) {
    const b = r[i]!;
    if (b === ignore) continue;
    const a = p[i]!;
    inPrediction[a - low]!++;
    inReference[b - low]!++;
    if (a === b) both[a - low]!++;
    counted++;
  }

  const labels = options.labels ?? foundLabels(inPrediction, inReference, low);
  return labels.map((label) => {
    if (typeof label === 'number') {
      const at = label - low;
      const known = at >= 0 && at < size;
      return fromCounts(
        label,
        known ? both[at]! : 0,
        known ? inPrediction[at]! : 0,
        known ? inReference[at]! : 0,
        counted,
      );
    }
    // A voxel is in the region when its label is one of several; the joint count needs its own pass.
    const member = new Uint8Array(size);
    for (const l of label) if (l >= low && l < low + size) member[l - low] = 1;
    let joint = 0;
    let np = 0;
    let nr = 0;
    for (let i = 0; i < n; i++) {
      const b = r[i]!;
      if (b === ignore) continue;
      const inP = member[p[i]! - low]!;
      const inR = member[b - low]!;
      np += inP;
      nr += inR;
      joint += inP & inR;
    }
    return fromCounts(label, joint, np, nr, counted);
  });
}

function fromCounts(label: LabelOrRegion, joint: number, np: number, nr: number, counted: number): Confusion {
  return {
    label,
    truePositive: joint,
    falsePositive: np - joint,
    falseNegative: nr - joint,
    trueNegative: counted - np - nr + joint,
  };
}

function labelRange(data: Exclude<VoxelArray, BigInt64Array | BigUint64Array>, name: string): [number, number] {
  let low = 0;
  let high = 0;
  const n = data.length;
  const mayBeFractional = data instanceof Float32Array || data instanceof Float64Array;
  for (let i = 0; i < n; i++) {
    const v = data[i]!;
    if (mayBeFractional && !Number.isInteger(v)) throw new ArgumentError(name, 'integer labels', `${v} at voxel ${i}`);
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return [low, high];
}

function foundLabels(a: Float64Array, b: Float64Array, low: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < a.length; i++) if (i + low > 0 && a[i]! + b[i]! > 0) found.push(i + low);
  return found;
}

/**
 * Dice coefficient, 2 TP / (2 TP + FP + FN).
 *
 * @param counts - of one label.
 * @param emptyValue - result when the label is in neither map, default NaN.
 * @returns 0 to 1.
 */
export function dice(counts: Confusion, emptyValue = Number.NaN): number {
  const { truePositive: tp, falsePositive: fp, falseNegative: fn } = counts;
  return tp + fp + fn === 0 ? emptyValue : (2 * tp) / (2 * tp + fp + fn);
}

/**
 * Intersection over union (Jaccard), TP / (TP + FP + FN).
 *
 * @param counts - of one label.
 * @param emptyValue - result when the label is in neither map, default NaN.
 * @returns 0 to 1.
 */
export function iou(counts: Confusion, emptyValue = Number.NaN): number {
  const { truePositive: tp, falsePositive: fp, falseNegative: fn } = counts;
  return tp + fp + fn === 0 ? emptyValue : tp / (tp + fp + fn);
}

/**
 * Score a predicted label map against a reference.
 *
 * @param prediction - one channel, `[D, H, W]`.
 * @param reference - one channel, the same shape; its affine gives the mL.
 * @param options - labels or regions, ignore label, value for empty labels.
 * @throws GeometryError when shapes differ or there is more than one channel.
 * @example
 * const scores = scoreLabels(prediction, reference, { labels: [1, 2, [1, 2]] });
 * console.log(scores[0]?.dice, meanOf(scores.map((s) => s.dice)));
 */
export function scoreLabels(prediction: Volume, reference: Volume, options: ScoreOptions = {}): LabelScore[] {
  assertSameShape(prediction, reference, 'scoreLabels');
  for (const [name, volume] of Object.entries({ prediction, reference })) {
    if (volume.channels !== 1)
      throw new GeometryError(`scoreLabels: ${name} has ${volume.channels} channels; pass a label map with one`);
  }
  const ml = voxelMl(reference);
  return confusion(prediction.data, reference.data, options).map((counts) => {
    const predictionVoxels = counts.truePositive + counts.falsePositive;
    const referenceVoxels = counts.truePositive + counts.falseNegative;
    return {
      ...counts,
      dice: dice(counts, options.emptyValue),
      iou: iou(counts, options.emptyValue),
      predictionVoxels,
      referenceVoxels,
      predictionMl: predictionVoxels * ml,
      referenceMl: referenceVoxels * ml,
    };
  });
}

/** Volume of one voxel in mL: the determinant of the affine, right for sheared grids too. */
export function voxelMl(volume: Pick<Volume, 'affine'>): number {
  return Math.abs(determinant3(volume.affine)) / 1000;
}

/** Mean of the values that are not NaN; NaN when there is none. */
export function meanOf(values: readonly number[]): number {
  let sum = 0;
  let count = 0;
  for (const v of values) {
    if (Number.isNaN(v)) continue;
    sum += v;
    count++;
  }
  return count === 0 ? Number.NaN : sum / count;
}

/**
 * Voxels of each label in a map.
 *
 * @param data - integer labels.
 * @returns label to count, ascending by label, 0 included.
 * @throws ArgumentError when a value is not an integer.
 */
export function countLabels(data: VoxelArray): Map<number, number> {
  const values = toNumberVoxels(data);
  const [low, high] = labelRange(values, 'data');
  if (high - low >= LARGEST_RANGE)
    throw new ArgumentError('data', `labels within a range of ${LARGEST_RANGE}`, `${low} to ${high}`);
  const counts = new Float64Array(high - low + 1);
  const n = values.length;
  for (let i = 0; i < n; i++) counts[values[i]! - low]!++;
  const found = new Map<number, number>();
  for (let i = 0; i < counts.length; i++) if (counts[i]! > 0) found.set(i + low, counts[i]!);
  return found;
}
