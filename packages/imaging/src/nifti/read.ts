/**
 * Reading NIfTI files, plain or gzip, of any size. Voxels go straight into one preallocated buffer: plain files by reads of
 * at most 1 GiB, gzip through a streaming decompressor, so that the 2 GiB limit of a single read never matters.
 * What the file holds decides, not its name. Not here: what the header means (header.ts).
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { endianness } from 'node:os';
import { createGunzip } from 'node:zlib';
import { bytesPerVoxel, viewVoxels } from '../dtype.js';
import type { VoxelType } from '../dtype.js';
import { FormatError, ImagingError, ReadError } from '../errors.js';
import type { Volume, VoxelArray } from '../volume.js';
import { HEADER_BYTES, parseNiftiHeader, voxelBytes, voxelCount } from './header.js';
import type { NiftiHeader } from './header.js';

/** A volume with the header of the file it came from. */
export interface NiftiVolume<A extends VoxelArray = VoxelArray> extends Volume<A> {
  /** What the file says beyond the volume: stored type, description, codes. */
  readonly header: NiftiHeader;
}

/** One system read stays well below 2 GiB, where the system call ends. */
const READ_BYTES = 2 ** 30;
/** Deflate cannot pack tighter than this, so a header that promises more is false. */
const DEFLATE_LIMIT = 1032;

/**
 * Read a NIfTI-1 or NIfTI-2 file, `.nii` or `.nii.gz`.
 *
 * Memory: one buffer of the voxels' stored size, and a second one only when a scaling turns integers into float32.
 *
 * @param path - file.
 * @returns the volume in the file's own axis order (nothing is reoriented): `data` `[channels, D, H, W]` in the stored type,
 * or float32 (float64 for float64 files) when the header has a scaling; affine from the sform, else the qform, else the
 * voxel sizes alone; lengths in mm. A fourth axis becomes channels.
 * @throws FormatError when the file is not a readable NIfTI image (wrong magic, cut off, colour or complex voxels).
 * @throws ReadError when the system cannot open or read it.
 * @example
 * const image = await readNifti('case_0000.nii.gz');
 * console.log(image.shape, image.spacing, image.header.description);
 */
export async function readNifti(path: string): Promise<NiftiVolume> {
  return withFile(path, async (handle, size) => {
    const compressed = await isGzip(handle, path);
    const [header, buffer] = compressed ? await readCompressed(path, size) : await readPlain(handle, path, size);
    toHostOrder(buffer, header);
    const stored = viewVoxels(header.storedType, buffer, 0, voxelCount(header));
    const data = header.scaling === undefined ? stored : scale(stored, header.scaling, header.type);
    return {
      data,
      channels: header.channels,
      shape: header.shape,
      spacing: header.spacing,
      affine: header.affine,
      header,
    };
  });
}

/**
 * Read the header alone: a few hundred bytes of the file, or one block of gzip.
 *
 * @param path - file.
 * @throws FormatError, ReadError as `readNifti`; a file that is cut off inside its voxels is not noticed.
 */
export async function readNiftiHeader(path: string): Promise<NiftiHeader> {
  return withFile(path, async (handle, size) => {
    if (await isGzip(handle, path)) {
      const head = new Uint8Array(HEADER_BYTES);
      let filled = 0;
      await gunzip(path, Math.min(size, 4096), (chunk) => {
        const part = chunk.subarray(0, HEADER_BYTES - filled);
        head.set(part, filled);
        filled += part.length;
        return filled < HEADER_BYTES;
      });
      return parseNiftiHeader(head.subarray(0, filled), path, true);
    }
    return parseNiftiHeader(await readHead(handle), path, false);
  });
}

async function withFile<T>(path: string, use: (handle: FileHandle, size: number) => Promise<T>): Promise<T> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    const { size } = await handle.stat();
    return await use(handle, size);
  } catch (error) {
    if (error instanceof ImagingError) throw error;
    if (typeof (error as NodeJS.ErrnoException).syscall === 'string') throw new ReadError(path, error);
    throw error;
  } finally {
    await handle?.close();
  }
}

async function isGzip(handle: FileHandle, path: string): Promise<boolean> {
  const magic = new Uint8Array(2);
  const { bytesRead } = await handle.read(magic, 0, 2, 0);
  if (bytesRead === 0) throw new FormatError(path, 0, 'is empty', 'copy or export the file again');
  return bytesRead === 2 && magic[0] === 0x1f && magic[1] === 0x8b;
}

async function readHead(handle: FileHandle): Promise<Uint8Array> {
  const head = new Uint8Array(HEADER_BYTES);
  const filled = await fill(handle, head.buffer, HEADER_BYTES, 0);
  return head.subarray(0, filled);
}

/** Read `length` bytes at `position` into `target`; returns how many there were. */
async function fill(handle: FileHandle, target: ArrayBuffer, length: number, position: number): Promise<number> {
  let done = 0;
  while (done < length) {
    const part = new Uint8Array(target, done, Math.min(READ_BYTES, length - done));
    const { bytesRead } = await handle.read(part, 0, part.length, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

async function readPlain(handle: FileHandle, path: string, size: number): Promise<[NiftiHeader, ArrayBuffer]> {
  const header = parseNiftiHeader(await readHead(handle), path, false);
  const wanted = voxelBytes(header);
  if (size < header.dataOffset + wanted) throw cutOff(path, size, header, wanted, size - header.dataOffset);
  const buffer = allocate(wanted, path);
  const got = await fill(handle, buffer, wanted, header.dataOffset);
  if (got < wanted) throw cutOff(path, header.dataOffset + got, header, wanted, got);
  return [header, buffer];
}

async function readCompressed(path: string, size: number): Promise<[NiftiHeader, ArrayBuffer]> {
  const head = new Uint8Array(HEADER_BYTES);
  let position = 0; // in the decompressed stream
  let header: NiftiHeader | undefined;
  let wanted = 0;
  let buffer = new ArrayBuffer(0);
  const place = (chunk: Uint8Array, start: number): void => {
    // `chunk` lies at `start` of the stream; the voxels at dataOffset ... dataOffset + wanted.
    const from = Math.max(0, header!.dataOffset - start);
    const to = Math.min(chunk.length, header!.dataOffset + wanted - start);
    if (from >= to) return;
    const part = chunk.subarray(from, to);
    new Uint8Array(buffer, start + from - header!.dataOffset, part.length).set(part);
  };
  const begin = (filled: number): void => {
    header = parseNiftiHeader(head.subarray(0, filled), path, true);
    wanted = voxelBytes(header);
    if (wanted > size * DEFLATE_LIMIT + 1024) {
      throw new FormatError(
        path,
        40,
        `promises ${wanted} bytes of voxels, more than ${size} bytes of gzip can hold`,
        'the header is damaged or the file cut off: copy it again',
      );
    }
    buffer = allocate(wanted, path);
    // The voxels of a tiny image may begin within these first bytes.
    place(head.subarray(0, filled), 0);
  };
  // The stream is read to its end even when all voxels are there: only then has the checksum been compared.
  await gunzip(path, size, (chunk) => {
    let rest = chunk;
    if (header === undefined) {
      const part = chunk.subarray(0, HEADER_BYTES - position);
      head.set(part, position);
      position += part.length;
      if (position < HEADER_BYTES) return true;
      begin(position);
      rest = chunk.subarray(part.length);
    }
    place(rest, position);
    position += rest.length;
    return true;
  });
  if (header === undefined) begin(position);
  const got = position - header!.dataOffset;
  if (got < wanted) throw cutOff(path, position, header!, wanted, got);
  return [header!, buffer];
}

/** Decompress `path`, chunk by chunk, until the end or until `take` returns false. */
async function gunzip(path: string, size: number, take: (chunk: Uint8Array) => boolean): Promise<void> {
  // Large chunks halve the time of large files; small files are not worth a megabyte of buffer.
  const chunkSize = Math.min(2 ** 20, Math.max(2 ** 14, 2 ** Math.ceil(Math.log2(size + 1))));
  const source = createReadStream(path, { highWaterMark: chunkSize });
  const unzip = createGunzip({ chunkSize });
  source.on('error', (error) => unzip.destroy(error));
  source.pipe(unzip);
  try {
    for await (const chunk of unzip) if (!take(chunk as Buffer)) break;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'Z_BUF_ERROR') {
      throw new FormatError(
        path,
        source.bytesRead,
        'is cut off: the gzip data end too early',
        'copy or download the file again',
        { cause: error },
      );
    }
    if (code.startsWith('Z_')) {
      throw new FormatError(
        path,
        source.bytesRead,
        `has damaged gzip data (${(error as Error).message})`,
        'copy or download the file again',
        { cause: error },
      );
    }
    throw error;
  } finally {
    source.destroy();
    unzip.destroy();
  }
}

function allocate(bytes: number, path: string): ArrayBuffer {
  try {
    return new ArrayBuffer(bytes);
  } catch (error) {
    throw new FormatError(
      path,
      40,
      `holds ${bytes} bytes of voxels, more than this machine can allocate`,
      'check the header, or use a machine with more memory',
      { cause: error },
    );
  }
}

function cutOff(path: string, offset: number, header: NiftiHeader, wanted: number, got: number): FormatError {
  return new FormatError(
    path,
    offset,
    `is cut off: ${Math.max(0, got)} of ${wanted} bytes of voxels (${header.dims.join(' x ')} ${header.storedType})`,
    'copy or export the file again',
  );
}

function toHostOrder(buffer: ArrayBuffer, header: NiftiHeader): void {
  const bytes = bytesPerVoxel(header.storedType);
  if (bytes === 1 || header.littleEndian === (endianness() === 'LE')) return;
  for (let start = 0; start < buffer.byteLength; start += READ_BYTES) {
    const part = Buffer.from(buffer, start, Math.min(READ_BYTES, buffer.byteLength - start));
    if (bytes === 2) part.swap16();
    else if (bytes === 4) part.swap32();
    else part.swap64();
  }
}

/** value = slope * stored + intercept, computed in float64 and rounded once. */
function scale(stored: VoxelArray, scaling: { slope: number; intercept: number }, type: VoxelType): VoxelArray {
  const { slope, intercept } = scaling;
  const n = stored.length;
  const inPlace = stored instanceof Float32Array || stored instanceof Float64Array;
  const out = inPlace ? stored : type === 'float64' ? new Float64Array(n) : new Float32Array(n);
  if (stored instanceof BigInt64Array || stored instanceof BigUint64Array) {
    for (let i = 0; i < n; i++) out[i] = Number(stored[i]!) * slope + intercept;
  } else {
    for (let i = 0; i < n; i++) out[i] = stored[i]! * slope + intercept;
  }
  return out;
}
