/** The arrays of a pack: one safetensors file, every array once, named by a hash of its contents. */
import { createHash } from 'node:crypto';
import { writeSafetensors } from '@revoxel/runtime';

/** dtype under which a host array is stored; 16-bit unsigned words are bf16 everywhere in this repository. */
const DTYPES = {
  Float32Array: 'f32',
  Uint16Array: 'bf16',
  Int16Array: 'q16',
  Int32Array: 'i32',
  Uint32Array: 'u32',
  Uint8Array: 'u8',
};

export class Store {
  #entries = new Map();
  bytes = 0;

  /** Keeps a copy of an array. @returns the name to find it by. */
  add(array) {
    const dtype = DTYPES[array.constructor.name];
    if (!dtype) throw new Error(`no dtype for a ${array.constructor.name}`);
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    const name = `${dtype}-${createHash('sha256').update(bytes).digest('hex').slice(0, 20)}`;
    if (!this.#entries.has(name)) {
      this.#entries.set(name, { name, dtype, shape: [array.length], data: array.slice() });
      this.bytes += array.byteLength;
    }
    return name;
  }

  async write(path) {
    await writeSafetensors(path, this.#entries.values());
  }
}
