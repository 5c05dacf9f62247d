/**
 * The layout of a run folder: one place that says which file is called what. Everything needed to repeat a run lies in it.
 * Not here: what is in the files (plans.ts, checkpoint.ts, train/log.ts).
 */
import { mkdir, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { reasonOf } from './data/errors.js';
import { RunError } from './errors.js';
import { readJson, writeJson } from './json.js';
import { memorySchema } from './plan/memory-setting.js';

/** Paths within a run folder. */
export interface RunPaths {
  readonly folder: string;
  /** The configuration, made by the planner, meant to be read and edited by people. */
  readonly plans: string;
  /** A copy of the data set's `dataset.json`. */
  readonly dataset: string;
  /** Facts about the data set: shapes, spacings, intensities. */
  readonly fingerprint: string;
  /** Which cases train and which validate. */
  readonly split: string;
  /** Versions, backend, device, memory choice, seed, number of steps. */
  readonly run: string;
  readonly logText: string;
  readonly logLines: string;
  /** Parameters and optimiser state; its metadata has the state of the training. */
  readonly checkpoint: string;
  /** A readable copy of that metadata. */
  readonly checkpointInfo: string;
  /** Preprocessed cases. */
  readonly cases: string;
  /** Predictions of the validation cases. */
  readonly validation: string;
}

/** Paths of a run folder. */
export function runPaths(folder: string): RunPaths {
  const at = (name: string): string => join(resolve(folder), name);
  return {
    folder: resolve(folder),
    plans: at('plans.json'),
    dataset: at('dataset.json'),
    fingerprint: at('fingerprint.json'),
    split: at('split.json'),
    run: at('run.json'),
    logText: at('log.txt'),
    logLines: at('log.jsonl'),
    checkpoint: at('checkpoint-latest.safetensors'),
    checkpointInfo: at('checkpoint-latest.json'),
    cases: at('preprocessed'),
    validation: at('validation'),
  };
}

/** Files that only a run has. */
const RUN_FILES = ['plans.json', 'run.json', 'checkpoint-latest.safetensors'];

/**
 * Refuse a folder that holds a run. Nothing is made: a run that fails before its first file leaves no folder behind.
 *
 * @throws RunError when a run is in it already, or it is no folder.
 */
export async function assertNoRun(folder: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(resolve(folder));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw new RunError(folder, `cannot be used (${reasonOf(error)})`, 'give another folder', { cause: error });
  }
  if (names.some((name) => RUN_FILES.includes(name)))
    throw new RunError(folder, 'holds a run already', 'resume it, or give another folder');
}

/**
 * Make the folder of a new run.
 *
 * @throws RunError when a run is in it already, or the system refuses.
 */
export async function createRunFolder(folder: string): Promise<RunPaths> {
  await assertNoRun(folder);
  const paths = runPaths(folder);
  try {
    await mkdir(paths.folder, { recursive: true });
  } catch (error) {
    throw new RunError(folder, `cannot be made (${reasonOf(error)})`, 'check the path and its permissions', {
      cause: error,
    });
  }
  return paths;
}

const runInfoSchema = z.object({
  version: z.literal(1),
  data: z.string(),
  fold: z.union([z.number().int().nonnegative(), z.literal('all'), z.literal('custom')]),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 32 - 1),
  backend: z.string(),
  device: z.string(),
  threads: z.number().int().positive(),
  deviceDetails: z.record(z.string(), z.string()),
  /** Where activations come from; free to change when a run is resumed. */
  memory: memorySchema,
  versions: z.record(z.string(), z.string()),
  /** Time that was asked for, or null when the number of steps was. */
  minutes: z.number().positive().nullable(),
  /** Steps of the run; null until they are fixed. */
  steps: z.number().int().positive().nullable(),
  /** Mean time of the steps that were timed to fix the number, or null. */
  secondsPerStep: z.number().positive().nullable(),
  created: z.string(),
});

/** What `run.json` holds. */
export type RunInfo = z.infer<typeof runInfoSchema>;

/** Read `run.json`. @throws DatasetError naming the field that is wrong. */
export async function readRunInfo(paths: RunPaths): Promise<RunInfo> {
  return readJson(paths.run, runInfoSchema, 'give the folder of a run, as made by training');
}

/** Write `run.json`. */
export async function writeRunInfo(paths: RunPaths, info: RunInfo): Promise<void> {
  await writeJson(paths.run, info);
}
