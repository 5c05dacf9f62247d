/** The split of one run: `split.json` in its folder. All folds of a data set are data/splits.ts. */
import { z } from 'zod';
import { DatasetError } from '../data/errors.js';
import type { Split } from '../data/splits.js';
import { readJson, writeJson } from '../json.js';

const splitSchema = z.object({ train: z.array(z.string()).min(1), val: z.array(z.string()) });

/**
 * Read a run's split.
 *
 * @param ids - cases of the data set.
 * @throws DatasetError when it is missing, malformed, or names a case the data set does not have.
 */
export async function readSplit(file: string, ids: readonly string[]): Promise<Split> {
  const split = await readJson(file, splitSchema, 'restore the file from a copy, or train again');
  const known = new Set(ids);
  const unknown = [...split.train, ...split.val].find((id) => !known.has(id));
  if (unknown !== undefined)
    throw new DatasetError(
      file,
      `names case "${unknown}", which the data set does not have`,
      'give the data set the run was started with',
    );
  return split;
}

/** Write a run's split. */
export async function writeSplit(file: string, split: Split): Promise<void> {
  await writeJson(file, split);
}
