/** What reading and writing of safetensors share: the size of one file-system call and the byte order. */

import { endianness } from 'node:os';
import { RevoxelError } from '../errors.js';

/** One read or write; the file system stops at 2 GiB, and smaller chunks let other work in between. */
export const CHUNK_BYTES = 64 * 2 ** 20;

/** Tensors are copied as they lie in memory. */
export function assertLittleEndian(): void {
  if (endianness() !== 'LE')
    throw new RevoxelError(
      'ERR_PLATFORM',
      'safetensors files are little endian and this machine is not; convert them on another one',
    );
}
