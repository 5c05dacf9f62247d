/**
 * Cross-validation folds: which cases train and which validate. The same folds as nnU-Net makes from the same case names,
 * and its `splits_final.json`.
 *
 * Source: nnU-Net's five-fold split, a shuffled scikit-learn `KFold` with seed 12345 over the sorted case names.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { readJson, writeJson } from '../json.js';
import { DataArgumentError, DatasetError } from './errors.js';
import { Mt19937 } from './mt19937.js';

/** One fold: case names, each sorted as the whole list was. */
export interface Split {
  readonly train: readonly string[];
  readonly val: readonly string[];
}

/** Seed of the folds, nnU-Net's. */
export const SPLIT_SEED = 12345;

/** Name of the file that holds the folds. */
export const SPLITS_FILE = 'splits_final.json';

/**
 * Validation indices of a shuffled k-fold split: shuffle 0..n-1, cut into runs (the first `n mod folds` one longer), sort each.
 *
 * @param count - number of cases.
 * @param folds - number of folds, 2 to `count`. Default 5.
 * @param seed - of numpy's legacy generator. Default 12345.
 * @returns `folds` lists of indices, ascending; equal to scikit-learn's `KFold(folds, shuffle=True, random_state=seed)`.
 * @throws DataArgumentError when there are fewer cases than folds.
 */
export function kFold(count: number, folds = 5, seed = SPLIT_SEED): number[][] {
  if (!(Number.isInteger(folds) && folds >= 2)) throw new DataArgumentError('folds', 'an integer of at least 2', folds);
  if (!(Number.isInteger(count) && count >= folds)) {
    throw new DataArgumentError('count', `at least ${folds} cases (one per fold)`, count);
  }
  const order = new Mt19937(seed).permutation(count);
  const out: number[][] = [];
  let at = 0;
  for (let fold = 0; fold < folds; fold++) {
    const length = Math.floor(count / folds) + (fold < count % folds ? 1 : 0);
    out.push(order.slice(at, at + length).sort((a, b) => a - b));
    at += length;
  }
  return out;
}

/**
 * Folds of a data set.
 *
 * @param ids - case names in any order; they are sorted by code point first, as nnU-Net sorts them.
 * @param folds - number of folds, default 5.
 * @throws DataArgumentError when there are fewer cases than folds or a name occurs twice.
 */
export function makeSplits(ids: readonly string[], folds = 5): Split[] {
  const sorted = [...ids].sort(compareNames);
  const twice = sorted.find((id, i) => id === sorted[i + 1]);
  if (twice !== undefined) throw new DataArgumentError('ids', 'different case names', `"${twice}" twice`);
  return kFold(sorted.length, folds).map((validation) => {
    const held = new Set(validation);
    return { train: sorted.filter((_, i) => !held.has(i)), val: validation.map((i) => sorted[i]!) };
  });
}

/** Order of names by code point, whatever the locale: what Python's `sorted` does. */
export function compareNames(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  const shared = Math.min(left.length, right.length);
  for (let i = 0; i < shared; i++) {
    const difference = left[i]!.codePointAt(0)! - right[i]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

const splitsSchema = z.array(z.object({ train: z.array(z.string()), val: z.array(z.string()) })).min(1, 'has no folds');

/**
 * Read `splits_final.json`.
 *
 * @param file - path.
 * @param ids - the data set's case names: every name in the file must be one of them.
 * @throws DatasetError when the file is missing, of another form, names an unknown case or has a case in both lists of a fold.
 */
export async function readSplits(file: string, ids: readonly string[]): Promise<Split[]> {
  const splits = await readJson(
    file,
    splitsSchema,
    'write [{"train": [...], "val": [...]}, ...] or delete the file to have it made',
  );
  const known = new Set(ids);
  splits.forEach(({ train, val }, fold) => {
    const unknown = [...train, ...val].find((id) => !known.has(id));
    if (unknown !== undefined) {
      throw new DatasetError(
        file,
        `fold ${fold} names case "${unknown}", which the data set does not have`,
        'correct the name or delete the file to have it made',
      );
    }
    const training = new Set(train);
    const both = val.find((id) => training.has(id));
    if (both !== undefined) {
      throw new DatasetError(
        file,
        `fold ${fold} has case "${both}" in both train and val`,
        'take it out of one of them',
      );
    }
  });
  return splits;
}

/**
 * Write `splits_final.json`.
 *
 * @throws DatasetError when the system refuses.
 */
export async function writeSplits(file: string, splits: readonly Split[]): Promise<void> {
  await writeJson(file, splits);
}

/**
 * The folds a data set comes with, or new ones.
 *
 * @param folder - the data set; a `splits_final.json` in it is used.
 * @param ids - its case names.
 */
export async function splitsOf(folder: string, ids: readonly string[]): Promise<Split[]> {
  const file = join(folder, SPLITS_FILE);
  try {
    return await readSplits(file, ids);
  } catch (error) {
    const missing =
      error instanceof DatasetError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
    if (!missing) throw error;
    if (ids.length < 5) {
      throw new DatasetError(
        folder,
        `has ${ids.length} cases, too few for five folds`,
        `add cases or write ${SPLITS_FILE} there`,
      );
    }
    return makeSplits(ids);
  }
}
