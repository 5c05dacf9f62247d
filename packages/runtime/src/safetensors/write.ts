/**
 * Writing safetensors files: tensors one after the other, in chunks, into a temporary file beside the target which is
 * renamed when all is on disk. A reader never sees half a file, and a failure leaves what was there before.
 */

import { randomBytes } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ArgumentError, RevoxelError } from '../errors.js';
import { elementBytes, isHostArray, type DType, type HostArray } from '../graph/dtype.js';
import { elementCount, type Shape } from '../graph/shape.js';
import { assertLittleEndian, CHUNK_BYTES } from './chunks.js';
import { encodeHeader, MAX_HEADER_BYTES, type TensorEntry } from './format.js';

/** A tensor to write. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: DType;
  /** Logical sizes. */
  readonly shape: Shape;
  /** Logical C order; or a function that gives the array when its turn comes, so that not all have to exist at once. */
  readonly data: HostArray | (() => HostArray | Promise<HostArray>);
}

/**
 * Write tensors atomically: the file appears complete or not at all.
 * @param metadata - strings by name, kept in the header.
 * @throws RevoxelError ERR_WRITE naming the file and the remedy (full disk, missing folder, no permission);
 * ArgumentError for a repeated name or an array that does not fit.
 * @example
 * await writeSafetensors('w.safetensors', [{ name: 'bias', dtype: 'f32', shape: [2], data: new Float32Array(2) }]);
 */
export async function writeSafetensors(
  path: string,
  entries: Iterable<SafetensorsEntry>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  assertLittleEndian();
  const list = [...entries];
  const header = encodeHeader(places(list), metadata);
  if (header.length - 8 > MAX_HEADER_BYTES)
    throw new ArgumentError('entries', `a header of at most ${MAX_HEADER_BYTES} bytes`, header.length);
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`);
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, 'wx');
    await writeFully(handle, header);
    for (const { name, dtype, shape, data } of list) {
      const array = typeof data === 'function' ? await data() : data;
      checkArray(name, dtype, shape, array);
      await writeFully(handle, new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    }
    await handle.sync();
    await handle.close();
    handle = undefined;
    await rename(temporary, path);
  } catch (error) {
    // Errors of the clean-up would hide the one that matters.
    await handle?.close().catch(() => undefined);
    await rm(temporary, { force: true }).catch(() => undefined);
    throw isSystemError(error) ? writeError(path, error) : error;
  }
  await syncFolder(dirname(path));
}

function places(list: readonly SafetensorsEntry[]): Map<string, TensorEntry> {
  const entries = new Map<string, TensorEntry>();
  let begin = 0;
  for (const { name, dtype, shape, data } of list) {
    if (name === '__metadata__' || entries.has(name)) throw new ArgumentError('name', 'a name that is not taken', name);
    if (typeof data !== 'function') checkArray(name, dtype, shape, data);
    const end = begin + elementCount(shape) * elementBytes(dtype);
    entries.set(name, { dtype, shape, begin, end });
    begin = end;
  }
  return entries;
}

function checkArray(name: string, dtype: DType, shape: Shape, data: HostArray): void {
  const count = elementCount(shape);
  if (!isHostArray(dtype, data) || data.length !== count)
    throw new ArgumentError(
      `data of "${name}"`,
      `an array of ${count} elements for ${dtype} [${shape.join(', ')}]`,
      data,
    );
}

async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, Math.min(CHUNK_BYTES, bytes.length - done));
    done += bytesWritten;
  }
}

/** Makes the new name durable; not every system lets a folder be synced, and then there is nothing to do. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free space or choose another folder',
  EDQUOT: 'the disk quota is used up; free space or choose another folder',
  EFBIG: 'the file would pass the size limit of this system or process; choose another folder or raise the limit',
  ENOENT: 'the folder does not exist; create it first',
  ENOTDIR: 'a part of the path is a file; choose another folder',
  EISDIR: 'there is a folder of this name; choose another name',
  EACCES: 'no permission to write there; choose another folder or change its permissions',
  EPERM: 'no permission to write there; choose another folder or change its permissions',
  EROFS: 'the file system is read-only; choose another folder',
};

/** The error a person sees when a file cannot be written: which file, why, what to do. @internal */
export function writeError(path: string, cause: NodeJS.ErrnoException): RevoxelError {
  const remedy = REMEDIES[cause.code ?? ''] ?? `${cause.message}; nothing was written`;
  return new RevoxelError('ERR_WRITE', `cannot write ${path}: ${remedy}`, { cause });
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}
