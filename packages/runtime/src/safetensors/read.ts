/**
 * Reading safetensors files: the header is checked as a whole when the file is opened, tensors are read one by one, in
 * chunks, from 64-bit offsets, so that neither the file nor a tensor has to stay below 4 GiB.
 */

import { open, type FileHandle } from 'node:fs/promises';
import { ArgumentError, FormatError } from '../errors.js';
import { hostArray, isHostArray, type DType, type HostArray } from '../graph/dtype.js';
import { elementCount, type Shape } from '../graph/shape.js';
import { decodeHeader, headerLength, type Header, type TensorEntry } from './format.js';
import { assertLittleEndian, CHUNK_BYTES } from './chunks.js';

/** Shape and element type of a stored tensor. */
export interface StoredType {
  readonly dtype: DType;
  /** Logical sizes, C order. */
  readonly shape: Shape;
}

/** A stored tensor with its numbers, logical C order. */
export interface StoredTensor extends StoredType {
  readonly data: HostArray;
}

/** An open safetensors file. Close it, or open it with `await using`. */
export class SafetensorsFile {
  readonly path: string;
  /** In the order in which the tensors lie in the file. */
  readonly names: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  private readonly header: Header;
  private readonly handle: FileHandle;

  /** @internal use {@link openSafetensors} */
  constructor(path: string, handle: FileHandle, header: Header) {
    this.path = path;
    this.handle = handle;
    this.header = header;
    this.names = [...header.entries.keys()];
    this.metadata = header.metadata;
  }

  /** Shape and dtype of a tensor. I16 is given as q16. @throws ArgumentError for an unknown name */
  describe(name: string): StoredType {
    const { dtype, shape } = this.find(name);
    return { dtype, shape };
  }

  /**
   * Read one tensor.
   * @param into - array to fill, of the tensor's length and kind; default a fresh one.
   * @throws ArgumentError for an unknown name or a wrong array, FormatError if the file has become shorter.
   */
  async read(name: string, into?: HostArray): Promise<StoredTensor> {
    const { dtype, shape, begin } = this.find(name);
    const count = elementCount(shape);
    const data = into ?? hostArray(dtype, count);
    if (!isHostArray(dtype, data) || data.length !== count)
      throw new ArgumentError('into', `an array for ${count} elements of ${dtype}`, into);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    await readFully(this.handle, bytes, this.header.dataStart + begin, this.path);
    return { dtype, shape, data };
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private find(name: string): TensorEntry {
    const entry = this.header.entries.get(name);
    if (!entry) throw new ArgumentError('name', `a tensor of ${this.path}`, name);
    return entry;
  }
}

/**
 * Open a safetensors file and check its header.
 * @throws FormatError naming file and byte offset if the file is truncated or inconsistent; errors of the file system as they are.
 * @example
 * const file = await openSafetensors('weights.safetensors');
 * const { data, shape } = await file.read(file.names[0]);
 * await file.close();
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  assertLittleEndian();
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const first = new Uint8Array(Math.min(8, size));
    await readFully(handle, first, 0, path);
    const json = new Uint8Array(headerLength(path, first, size));
    await readFully(handle, json, 8, path);
    return new SafetensorsFile(path, handle, decodeHeader(path, json, size));
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readFully(handle: FileHandle, target: Uint8Array, position: number, path: string): Promise<void> {
  for (let done = 0; done < target.length;) {
    const { bytesRead } = await handle.read(target, done, Math.min(CHUNK_BYTES, target.length - done), position + done);
    if (bytesRead === 0)
      throw new FormatError(path, position + done, `ends early: ${target.length - done} more bytes were expected`);
    done += bytesRead;
  }
}
