/**
 * Writing NIfTI files of any size: a temporary name in the same folder, streamed (gzip included), flushed to the disk, then
 * renamed. So the file is there whole or not at all. Not here: the header's bytes (encode.ts).
 */
import { open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { endianness } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { bytesPerVoxel, convertVoxels, subVoxels, voxelTypeOf } from '../dtype.js';
import type { VoxelType } from '../dtype.js';
import { ArgumentError, ImagingError, WriteError } from '../errors.js';
import { assertVolume } from '../make-volume.js';
import type { Volume, VoxelArray } from '../volume.js';
import { NIFTI1_LARGEST_AXIS, encodeNiftiHeader } from './encode.js';

/** Options of `writeNifti`; all have defaults. */
export interface WriteNiftiOptions {
  /** Free text for the header, at most 79 bytes of UTF-8 (cut off beyond). Default empty. */
  readonly description?: string;
  /** Stored voxel type. Default: the type of the data. Integer types take only values they hold exactly. */
  readonly dtype?: VoxelType;
  /** Format version. Default 1; 2 when an axis is longer than 32767. Version 2 stores the affine in float64. */
  readonly version?: 1 | 2;
  /** The space the affine leads to: 1 scanner (default), 2 aligned, 3 Talairach, 4 MNI. */
  readonly transformCode?: 1 | 2 | 3 | 4;
  /** Meaning of the values, NIfTI's number: 0 none (default), 1002 labels. */
  readonly intentCode?: number;
  /** Name that goes with the intent, at most 15 bytes. */
  readonly intentName?: string;
  /** Compress with gzip. Default: whether the path ends in `.gz`. */
  readonly compress?: boolean;
  /** Gzip effort, 0 to 9. Default 6. */
  readonly level?: number;
}

/** Voxels converted and written at a time; bounds the memory of a conversion. */
const CHUNK_VOXELS = 2 ** 20;

let serial = 0;

/**
 * Write a volume as NIfTI. The bytes of the data and the affine come back from `readNifti` as they were (the affine rounded
 * to float32 in version 1).
 *
 * @param path - `.nii` or `.nii.gz`; its folder must exist. An existing file is replaced in one step.
 * @param volume - `[channels, D, H, W]`; more than one channel becomes the fourth axis of the file.
 * @param options - description, voxel type, version, codes, compression.
 * @throws WriteError when the system refuses (disk full, no such folder); the temporary file is removed.
 * @throws ArgumentError for a value that does not fit `dtype`, GeometryError for a volume that contradicts itself.
 * @example
 * await writeNifti('labels.nii.gz', labels, { dtype: 'uint8', description: 'my network', intentCode: 1002 });
 */
export async function writeNifti(path: string, volume: Volume, options: WriteNiftiOptions = {}): Promise<void> {
  assertVolume(volume, 'writeNifti');
  const type = options.dtype ?? voxelTypeOf(volume.data);
  const longest = Math.max(volume.channels, ...volume.shape);
  const version = options.version ?? (longest > NIFTI1_LARGEST_AXIS ? 2 : 1);
  if (version === 1 && longest > NIFTI1_LARGEST_AXIS) {
    throw new ArgumentError('version', `2 (an axis of ${longest} voxels does not fit NIfTI-1)`, version);
  }
  const level = options.level ?? 6;
  if (!(Number.isInteger(level) && level >= 0 && level <= 9))
    throw new ArgumentError('level', 'an integer from 0 to 9', level);
  const header = encodeNiftiHeader({
    version,
    littleEndian: endianness() === 'LE',
    channels: volume.channels,
    shape: volume.shape,
    spacing: volume.spacing,
    affine: volume.affine,
    type,
    description: options.description ?? '',
    transformCode: options.transformCode ?? 1,
    intentCode: options.intentCode ?? 0,
    intentName: options.intentName ?? '',
  });
  const compress = options.compress ?? path.endsWith('.gz');

  // The process id and a counter keep parallel writers of one folder apart.
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}-${serial++}.tmp`);
  try {
    const handle = await open(temporary, 'wx');
    try {
      const source = pieces(header, volume.data, type);
      // Not a write stream of the handle: closing the handle would wait for that stream, which waits for the handle.
      const sink = (chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> =>
        writeAll(handle, chunks);
      if (compress)
        await pipeline(Readable.from(source, { highWaterMark: 2 }), createGzip({ level, chunkSize: 2 ** 18 }), sink);
      else await sink(source);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    if (error instanceof ImagingError) throw error;
    throw new WriteError(path, error);
  }
}

async function writeAll(handle: FileHandle, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) {
    // One write may take less than it was given (2 GiB limit, signals, a disk about to be full).
    let done = 0;
    while (done < chunk.byteLength) done += (await handle.write(chunk, done, chunk.byteLength - done)).bytesWritten;
  }
}

/** The file's bytes in order, voxels in views or small converted copies. */
function* pieces(header: Uint8Array, data: VoxelArray, type: VoxelType): Generator<Uint8Array> {
  yield header;
  const bytes = bytesPerVoxel(type);
  for (let start = 0; start < data.length; start += CHUNK_VOXELS) {
    const part = convertVoxels(subVoxels(data, start, Math.min(data.length, start + CHUNK_VOXELS)), type, start);
    yield new Uint8Array(part.buffer, part.byteOffset, part.length * bytes);
  }
}
