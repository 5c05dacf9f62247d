/**
 * Scoring predicted label maps against reference ones: Dice per case and label, and means. Other scores are in
 * @revoxel/imaging (`scoreLabels`).
 *
 * Conventions are nnU-Net's: a label that is in neither map of a case does not count there; the mean over labels is the plain
 * mean of the labels' means over cases.
 */
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { confusion, dice, meanOf, readNifti } from '@revoxel/imaging';
import type { Confusion } from '@revoxel/imaging';
import { withoutEnding } from './dataset-json.js';
import { DatasetError, reasonOf } from './errors.js';
import { assertSameGrid } from './grid.js';
import { compareNames } from './splits.js';

/** Dice, 0 to 1; `null` where the label is in neither map (of any case, for means). */
export interface DiceScore {
  readonly dice: number | null;
}

/** Scores of one case; keys are labels. */
export interface CaseScores {
  readonly id: string;
  readonly labels: Readonly<Record<string, DiceScore>>;
}

/** Scores of several cases and their means. */
export interface Evaluation {
  readonly cases: readonly CaseScores[];
  readonly mean: {
    /** Mean of the labels' means. */
    readonly dice: number | null;
    /** Per label, mean over the cases that have it. */
    readonly labels: Readonly<Record<string, DiceScore>>;
  };
}

/** Options of `evaluate`. */
export interface EvaluateOptions {
  /** Labels to score. Default: every label above 0 that occurs in any of the maps. */
  readonly labels?: readonly number[];
  /** Whether every reference must have a prediction. Default false: a folder of predictions of one fold is scored as it is. */
  readonly requireAll?: boolean;
}

/**
 * Score predictions.
 *
 * @param prediction - a NIfTI label map, or a folder of them.
 * @param reference - a NIfTI label map, or a folder with one of the same name (`.nii` and `.nii.gz` are alike) for every prediction.
 * @param options - which labels, and whether all references must be predicted.
 * @returns cases ascending by name. Plain data: `JSON.stringify` gives the result file.
 * @throws DatasetError naming the file when one is missing, or two differ in shape, spacing or orientation.
 * @throws FormatError, ReadError, ArgumentError of @revoxel/imaging for damaged files and values that are no labels.
 * @example
 * const result = await evaluate('predictions', 'Dataset004_Hippocampus/labelsTr');
 * console.log(result.mean.dice);
 */
export async function evaluate(
  prediction: string,
  reference: string,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const pairs = await pairFiles(prediction, reference, options.requireAll ?? false);
  const counted: { id: string; counts: Map<number, Confusion> }[] = [];
  for (const { id, predicted, truth } of pairs) {
    const p = await readNifti(predicted);
    const r = await readNifti(truth);
    for (const [file, { channels }] of [
      [predicted, p],
      [truth, r],
    ] as const) {
      if (channels !== 1)
        throw new DatasetError(
          file,
          `has ${channels} channels, a label map has one`,
          'store the labels as integers in one 3D image',
        );
    }
    assertSameGrid(predicted, p, truth, r);
    const counts = confusion(p.data, r.data, options.labels === undefined ? {} : { labels: options.labels });
    counted.push({ id, counts: new Map(counts.map((c) => [c.label as number, c])) });
  }
  const found = new Set(options.labels ?? counted.flatMap(({ counts }) => [...counts.keys()]));
  const labels = [...found].sort((a, b) => a - b);

  const cases = counted.map(({ id, counts }) => ({
    id,
    labels: Object.fromEntries(
      labels.map((label) => {
        const count = counts.get(label);
        return [label, score(count === undefined ? Number.NaN : dice(count))];
      }),
    ),
  }));
  const means = labels.map((label) => meanOf(cases.map((c) => c.labels[label]?.dice ?? Number.NaN)));
  return {
    cases,
    mean: { ...score(meanOf(means)), labels: Object.fromEntries(labels.map((label, i) => [label, score(means[i]!)])) },
  };
}

function score(value: number): DiceScore {
  return { dice: Number.isNaN(value) ? null : value };
}

interface Pair {
  readonly id: string;
  readonly predicted: string;
  readonly truth: string;
}

async function pairFiles(prediction: string, reference: string, requireAll: boolean): Promise<Pair[]> {
  const predictions = await labelFiles(prediction);
  const references = await labelFiles(reference);
  // Two single files are a pair whatever their names.
  if (predictions.single && references.single) {
    const [truth] = references.files.values();
    return [...predictions.files].map(([id, predicted]) => ({ id, predicted, truth: truth! }));
  }
  if (requireAll) {
    for (const [id, truth] of references.files) {
      if (!predictions.files.has(id))
        throw new DatasetError(
          join(prediction, basename(truth)),
          'is missing: the reference has this case',
          'predict it, or score only the cases that are there',
        );
    }
  }
  return [...predictions.files].map(([id, predicted]) => {
    const truth = references.files.get(id);
    if (truth === undefined)
      throw new DatasetError(
        join(reference, basename(predicted)),
        `is missing: the reference of ${predicted}`,
        'add it or take the prediction out of the folder',
      );
    return { id, predicted, truth };
  });
}

/** Label maps by case name, ascending; whether they were given as one file. */
interface LabelFiles {
  readonly files: ReadonlyMap<string, string>;
  readonly single: boolean;
}

async function labelFiles(path: string): Promise<LabelFiles> {
  const files = new Map<string, string>();
  let folder: boolean;
  try {
    folder = (await stat(path)).isDirectory();
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new DatasetError(
      path,
      missing ? 'no such file or folder' : `cannot be read (${reasonOf(error)})`,
      'check the path',
      { cause: error },
    );
  }
  if (!folder) return { files: files.set(withoutEnding(basename(path)), path), single: true };
  const names = (await readdir(path))
    .filter((name) => !name.startsWith('.') && /\.nii(\.gz)?$/.test(name))
    .sort(compareNames);
  for (const name of names) {
    const id = withoutEnding(name);
    const other = files.get(id);
    if (other !== undefined)
      throw new DatasetError(join(path, name), `is case "${id}", and so is ${other}`, 'remove one of them');
    files.set(id, join(path, name));
  }
  if (files.size === 0)
    throw new DatasetError(path, 'holds no label map', 'give a NIfTI file or a folder of them (.nii, .nii.gz)');
  return { files, single: false };
}
