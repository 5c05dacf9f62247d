/**
 * JSON files: read with a schema, written whole or not at all. Not here: what the files mean.
 */
import { randomBytes } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { z } from 'zod';
import { DatasetError, reasonOf } from './data/errors.js';

/**
 * Read a JSON file and check it.
 *
 * @param file - path.
 * @param schema - what the file must hold.
 * @param remedy - what to do when it does not, no full stop.
 * @throws DatasetError naming the file and the first field that is wrong.
 */
export async function readJson<T extends z.ZodType>(file: string, schema: T, remedy: string): Promise<z.output<T>> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new DatasetError(file, missing ? 'is missing' : `cannot be read (${reasonOf(error)})`, remedy, {
      cause: error,
    });
  }
  let value: unknown;
  try {
    // Some tools write a byte order mark.
    value = JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch (error) {
    throw new DatasetError(file, `is not JSON (${reasonOf(error)})`, remedy, { cause: error });
  }
  return checkJson(file, schema, value, remedy);
}

/**
 * Check a parsed value against a schema; the arguments and the error are those of `readJson`.
 */
export function checkJson<T extends z.ZodType>(file: string, schema: T, value: unknown, remedy: string): z.output<T> {
  const result = schema.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0]!;
    const field = issue.path.length > 0 ? `field "${issue.path.map(String).join('.')}": ` : '';
    throw new DatasetError(file, `${field}${issue.message}`, remedy);
  }
  return result.data;
}

/**
 * Write a value as JSON: a temporary name in the same folder, flushed, then renamed.
 *
 * @throws DatasetError when the system refuses; the temporary file is removed.
 */
export async function writeJson(file: string, value: unknown): Promise<void> {
  await writeWhole(file, [new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`)]);
}

/** One system write stays well below 2 GiB, where the system call ends. */
const WRITE_BYTES = 2 ** 30;

/**
 * Write a file whole or not at all.
 *
 * @param file - path; its folder must exist. An existing file is replaced in one step.
 * @param parts - its bytes, in order.
 * @throws DatasetError when the system refuses (disk full, no such folder); the temporary file is removed.
 */
export async function writeWhole(file: string, parts: readonly Uint8Array[]): Promise<void> {
  // Random, so that several processes may prepare one data set at a time.
  const temporary = join(dirname(file), `.${basename(file)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const handle = await open(temporary, 'wx');
    try {
      for (const part of parts) {
        for (let at = 0; at < part.length;) {
          const { bytesWritten } = await handle.write(part, at, Math.min(WRITE_BYTES, part.length - at));
          at += bytesWritten;
        }
      }
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    const full = (error as NodeJS.ErrnoException).code === 'ENOSPC';
    const remedy = full ? 'free space on that disk or choose another folder' : 'check the folder and its permissions';
    throw new DatasetError(file, `cannot be written (${reasonOf(error)})`, remedy, { cause: error });
  }
}
