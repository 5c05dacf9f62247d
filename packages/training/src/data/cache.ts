/**
 * Preprocessed cases on disk: made once, found again when neither the plan nor the files have changed, read straight into shared
 * memory. Four files a case: `<id>.image.f32`, `<id>.label.u8`, `<id>.locations.u32` (little-endian, C order) and `<id>.json`,
 * which is written last, so that a case is there whole or not at all. The form is private and may change with the version.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, rm, stat } from 'node:fs/promises';
import { endianness } from 'node:os';
import { basename, join } from 'node:path';
import { nameKey } from '@revoxel/runtime';
import { z } from 'zod';
import type { PatchCase } from '../augment/patch-case.js';
import { readJson, writeJson, writeWhole } from '../json.js';
import { findCase } from './dataset.js';
import type { CaseFiles, Dataset } from './dataset.js';
import { DatasetError, reasonOf } from './errors.js';
import { loadCase } from './load-case.js';
import { labelLocations } from './locations.js';
import { preprocessPair } from './preprocess.js';
import type { CaseProperties, PreprocessPlan } from './preprocess.js';
import { Random } from './random.js';

/** Raised when what is stored changes its meaning: older caches are then made again. */
const VERSION = 1;
/** Seed of the location samples: they belong to the data, not to a run. */
const LOCATION_SEED = 1234;

/** A preprocessed case in memory, and the way back to its file. */
export interface StoredCase extends PatchCase {
  readonly properties: CaseProperties;
}

/** Options of `preprocessDataset`. */
export interface PreprocessOptions {
  /** Cases to do. Default: all. */
  readonly ids?: readonly string[];
  /** Called after each case; `made` is false when it was there already. */
  readonly onCase?: (id: string, done: number, total: number, made: boolean) => void;
  /** Called with each warning of a case that was loaded. */
  readonly onWarning?: (warning: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Preprocess cases into a folder; those that are there for the same plan and the same files are left alone. May be interrupted
 * and called again, also by several processes at a time.
 *
 * @param dataset - opened.
 * @param plan - how.
 * @param folder - made when it is not there.
 * @throws what `loadCase` throws; DatasetError when a file cannot be written; the signal's reason when aborted.
 */
export async function preprocessDataset(
  dataset: Dataset,
  plan: PreprocessPlan,
  folder: string,
  options: PreprocessOptions = {},
): Promise<void> {
  const ids = options.ids ?? dataset.cases.map((c) => c.id);
  const largest = dataset.labels.length - 1;
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw new DatasetError(folder, `cannot be made (${reasonOf(error)})`, 'choose a folder you may write to', {
      cause: error,
    });
  }
  for (const [i, id] of ids.entries()) {
    options.signal?.throwIfAborted();
    const key = await caseKey(findCase(dataset, id), plan, largest);
    const made = (await storedKey(folder, id)) !== key;
    if (made) {
      const { image, label, warnings } = await loadCase(dataset, id);
      for (const warning of warnings) options.onWarning?.(warning);
      const done = preprocessPair(image, label, plan);
      // Keyed by name, so that a case's sample does not depend on the other cases.
      const random = new Random({ seed: LOCATION_SEED, stream: nameKey(id) });
      await storeCase(folder, key, {
        id,
        channels: done.image.channels,
        shape: done.image.shape,
        image: done.image.data,
        label: done.label.data,
        locations: labelLocations(done.label.data, largest, random),
        properties: done.properties,
      });
    }
    options.onCase?.(id, i + 1, ids.length, made);
  }
}

/**
 * Read preprocessed cases.
 *
 * @param folder - of `preprocessDataset`.
 * @param ids - which, in this order.
 * @returns their arrays are in shared memory: all of them stay in memory for as long as the cases are referenced.
 * @throws DatasetError when one is missing or damaged.
 */
export async function readCases(folder: string, ids: readonly string[]): Promise<StoredCase[]> {
  const cases: StoredCase[] = [];
  for (const id of ids) cases.push(await readCase(folder, id));
  return cases;
}

/**
 * Read one preprocessed case.
 *
 * @throws DatasetError when it is missing or damaged.
 */
export async function readCase(folder: string, id: string): Promise<StoredCase> {
  const remedy = 'preprocess the case again';
  const entry = await readJson(join(folder, `${id}.json`), entrySchema, remedy);
  if (entry.version !== VERSION)
    throw new DatasetError(join(folder, `${id}.json`), `is of version ${entry.version}, this is ${VERSION}`, remedy);
  if (endianness() !== 'LE')
    throw new DatasetError(folder, 'is little-endian, this machine is not', 'use a little-endian machine');
  const voxels = entry.shape[0] * entry.shape[1] * entry.shape[2];
  const total = entry.locations.reduce((a, b) => a + b, 0);
  const image = await readShared(join(folder, `${id}.image.f32`), 4 * entry.channels * voxels);
  const label = await readShared(join(folder, `${id}.label.u8`), voxels);
  const indices = await readShared(join(folder, `${id}.locations.u32`), 4 * total);
  let at = 0;
  const locations = entry.locations.map((count) => {
    const part = new Uint32Array(indices, at, count);
    at += 4 * count;
    return part;
  });
  return {
    id,
    channels: entry.channels,
    shape: entry.shape,
    image: new Float32Array(image),
    label: new Uint8Array(label),
    locations,
    properties: entry.properties,
  };
}

async function storeCase(folder: string, key: string, stored: StoredCase): Promise<void> {
  const { id, channels, shape, image, label, locations, properties } = stored;
  const entry = join(folder, `${id}.json`);
  // An older entry must not vouch for new voxels, should this be interrupted.
  await rm(entry, { force: true });
  await writeWhole(join(folder, `${id}.image.f32`), [bytesOf(image)]);
  await writeWhole(join(folder, `${id}.label.u8`), [label]);
  await writeWhole(join(folder, `${id}.locations.u32`), locations.map(bytesOf));
  const { reorientation } = properties;
  await writeJson(entry, {
    version: VERSION,
    key,
    channels,
    shape,
    locations: locations.map((l) => l.length),
    properties: {
      ...properties,
      reorientation: {
        ...reorientation,
        originalAffine: [...reorientation.originalAffine],
        reorientedAffine: [...reorientation.reorientedAffine],
      },
    },
  });
}

function bytesOf(data: Float32Array | Uint32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** One system read stays well below 2 GiB, where the system call ends. */
const READ_BYTES = 2 ** 30;

async function readShared(file: string, bytes: number): Promise<SharedArrayBuffer> {
  const remedy = 'preprocess the case again';
  const buffer = new SharedArrayBuffer(bytes);
  try {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      if (size !== bytes) throw new DatasetError(file, `has ${size} bytes, ${bytes} wanted`, remedy);
      for (let at = 0; at < bytes;) {
        const { bytesRead } = await handle.read(
          new Uint8Array(buffer, at, Math.min(READ_BYTES, bytes - at)),
          0,
          Math.min(READ_BYTES, bytes - at),
          at,
        );
        if (bytesRead === 0) throw new DatasetError(file, `ends at byte ${at} of ${bytes}`, remedy);
        at += bytesRead;
      }
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof DatasetError) throw error;
    throw new DatasetError(file, `cannot be read (${reasonOf(error)})`, remedy, { cause: error });
  }
  return buffer;
}

/** Changes whenever the stored case would. */
async function caseKey(files: CaseFiles, plan: PreprocessPlan, largest: number): Promise<string> {
  const facts: unknown[] = [VERSION, plan, largest];
  for (const file of [...files.images, files.label]) {
    try {
      const { size, mtimeMs } = await stat(file);
      facts.push([basename(file), size, mtimeMs]);
    } catch (error) {
      throw new DatasetError(file, `cannot be read (${reasonOf(error)})`, 'restore the file or take the case out', {
        cause: error,
      });
    }
  }
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}

/** Key of the stored case; `undefined` when there is none, or none that can be used. */
async function storedKey(folder: string, id: string): Promise<string | undefined> {
  try {
    const entry = await readJson(join(folder, `${id}.json`), entrySchema, '');
    return entry.key;
  } catch (error) {
    if (error instanceof DatasetError) return undefined;
    throw error;
  }
}

const triple = z.tuple([z.number(), z.number(), z.number()]);
const affine = z
  .array(z.number())
  .length(16)
  .transform((values) => Float64Array.from(values));
const axis = z.union([z.literal(0), z.literal(1), z.literal(2)]);
const entrySchema = z.object({
  version: z.number(),
  key: z.string(),
  channels: z.number().int().positive(),
  shape: triple,
  locations: z.array(z.number().int().nonnegative()),
  properties: z.object({
    reorientation: z.object({
      axes: z.tuple([axis, axis, axis]),
      flips: z.tuple([z.boolean(), z.boolean(), z.boolean()]),
      originalShape: triple,
      originalAffine: affine,
      reorientedAffine: affine,
    }),
    canonicalShape: triple,
    box: z.object({ start: triple, end: triple }),
    canonicalSpacing: triple,
    shape: triple,
    spacing: triple,
  }),
});
