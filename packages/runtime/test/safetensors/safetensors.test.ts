import { mkdtemp, open, readdir, readFile, rm, writeFile, mkdir } from 'node:fs/promises';
import { existsSync, readdirSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FormatError, RevoxelError } from '../../src/errors.js';
import { fromBf16, toBf16 } from '../../src/graph/dtype.js';
import { openSafetensors, writeSafetensors, type SafetensorsEntry } from '../../src/safetensors/index.js';
import { writeError } from '../../src/safetensors/write.js';

/** A child process has no TypeScript loader: it takes the built form. */
const BUILT = fileURLToPath(new URL('../../dist/safetensors/write.js', import.meta.url));

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'revoxel-safetensors-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const ENTRIES: readonly SafetensorsEntry[] = [
  { name: 'a.weight', dtype: 'f32', shape: [2, 3], data: Float32Array.of(1, -2, 3.5, NaN, Infinity, -0) },
  { name: '7', dtype: 'u8', shape: [3], data: Uint8Array.of(0, 128, 255) },
  { name: 'half', dtype: 'bf16', shape: [1, 2], data: Uint16Array.of(toBf16(1.5), toBf16(-0.1)) },
  { name: 'scalar', dtype: 'i32', shape: [], data: Int32Array.of(-5) },
  { name: 'stream', dtype: 'q16', shape: [2], data: Int16Array.of(-32768, 32767) },
  { name: 'wide stream', dtype: 'q32', shape: [1], data: Int32Array.of(-(2 ** 31)) },
  { name: 'ü "quoted"', dtype: 'u32', shape: [1], data: Uint32Array.of(2 ** 32 - 1) },
];

describe('round trip', () => {
  it('keeps names, order, types, bits and metadata', async () => {
    const path = join(folder, 'all.safetensors');
    await writeSafetensors(path, ENTRIES, { model: 'unet3d', step: '12' });
    await using file = await openSafetensors(path);
    expect(file.names).toEqual(ENTRIES.map((e) => e.name));
    expect(file.metadata).toEqual({ model: 'unet3d', step: '12' });
    for (const { name, dtype, shape, data } of ENTRIES) {
      const stored = await file.read(name);
      expect({ name, dtype: stored.dtype, shape: stored.shape }).toEqual({ name, dtype, shape });
      expect(stored.data).toEqual(data);
    }
    expect(Object.is((await file.read('a.weight')).data[5], -0)).toBe(true);
  });

  it('takes data from functions, one after the other, and views of larger buffers', async () => {
    const path = join(folder, 'lazy.safetensors');
    const calls: string[] = [];
    const buffer = Float32Array.from({ length: 10 }, (_, i) => i);
    const lazy = (name: string, offset: number): SafetensorsEntry => ({
      name,
      dtype: 'f32',
      shape: [2],
      data: async () => {
        calls.push(name);
        return Promise.resolve(buffer.subarray(offset, offset + 2));
      },
    });
    await writeSafetensors(path, [lazy('x', 3), lazy('y', 7)]);
    expect(calls).toEqual(['x', 'y']);
    await using file = await openSafetensors(path);
    expect(file.metadata).toEqual({});
    const into = new Float32Array(2);
    expect((await file.read('y', into)).data).toBe(into);
    expect([...into]).toEqual([7, 8]);
    await expect(file.read('x', new Float32Array(3))).rejects.toThrow(
      'expected an array for 2 elements of f32 for `into`, got Float32Array(3)',
    );
    await expect(file.read('z')).rejects.toThrow(/expected a tensor of .*lazy.safetensors for `name`, got "z"/);
  });

  it('starts the data at a multiple of 8 bytes', async () => {
    for (const name of ['a', 'ab', 'abc', 'abcdefgh']) {
      const path = join(folder, name);
      await writeSafetensors(path, [{ name, dtype: 'u8', shape: [1], data: Uint8Array.of(9) }]);
      const bytes = await readFile(path);
      expect((bytes.length - 1) % 8).toBe(0);
      expect(bytes.at(-1)).toBe(9);
    }
  });

  it('reads a file written by the Python package', async () => {
    await using file = await openSafetensors(fileURLToPath(new URL('python.safetensors', import.meta.url)));
    expect(file.metadata).toEqual({ format: 'pt', note: 'ünïcode' });
    const read = async (name: string): Promise<unknown> => {
      const { dtype, shape, data } = await file.read(name);
      return { dtype, shape, data: dtype === 'bf16' ? Array.from(data, fromBf16) : Array.from(data) };
    };
    expect(await read('f32')).toEqual({ dtype: 'f32', shape: [2, 3], data: [0, 0.5, 1, 1.5, 2, 2.5] });
    expect(await read('bf16')).toEqual({ dtype: 'bf16', shape: [3], data: [1, -2.5, 0.10009765625] });
    expect(await read('i32')).toEqual({ dtype: 'i32', shape: [2], data: [-7, 2147483647] });
    expect(await read('u8')).toEqual({ dtype: 'u8', shape: [1, 2, 2], data: [0, 1, 2, 255] });
    expect(await read('i16')).toEqual({ dtype: 'q16', shape: [2], data: [-32768, 5] });
    expect(await read('scalar')).toEqual({ dtype: 'f32', shape: [], data: [3.25] });
  });

  it('reads beyond 4 GiB', async () => {
    const path = join(folder, 'large.safetensors');
    const large = 5 * 2 ** 30;
    const header = JSON.stringify({
      large: { dtype: 'U8', shape: [large], data_offsets: [0, large] },
      small: { dtype: 'F32', shape: [2], data_offsets: [large, large + 8] },
    });
    // A hole in the file: no disk space is used.
    const handle = await open(path, 'w');
    await handle.write(fileBytes(header, 0), 0, undefined, 0);
    await handle.write(new Uint8Array(Float32Array.of(4, -8).buffer), 0, 8, 8 + Buffer.byteLength(header) + large);
    await handle.close();
    await using file = await openSafetensors(path);
    expect([...(await file.read('small')).data]).toEqual([4, -8]);
    expect(file.describe('large')).toEqual({ dtype: 'u8', shape: [large] });
  });
});

function fileBytes(header: string, dataBytes: number): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

describe('a file that is not right', () => {
  const faultOf = async (bytes: Uint8Array): Promise<string> => {
    const path = join(folder, 'bad');
    await writeFile(path, bytes);
    const error: unknown = await openSafetensors(path).then(
      (file) => file.close().then(() => 'opened'),
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(FormatError);
    return (error as FormatError).message.replace(path, 'FILE');
  };
  const header = (entries: unknown, dataBytes: number): Promise<string> =>
    faultOf(fileBytes(JSON.stringify(entries), dataBytes));
  const f32 = (begin: number, end: number, shape = [(end - begin) / 4]): unknown => ({
    dtype: 'F32',
    shape,
    data_offsets: [begin, end],
  });

  it('says what and at which byte', async () => {
    expect(await faultOf(new Uint8Array(0))).toMatchInlineSnapshot(
      `"FILE: is no safetensors file: 0 bytes, the header length alone takes 8 (at byte 0)"`,
    );
    expect(await faultOf(new Uint8Array(5))).toMatchInlineSnapshot(
      `"FILE: is no safetensors file: 5 bytes, the header length alone takes 8 (at byte 5)"`,
    );
    expect(await faultOf(new TextEncoder().encode('just some text in a file'))).toMatchInlineSnapshot(
      `"FILE: is no safetensors file: its first 8 bytes give no header length up to 100000000 (at byte 0)"`,
    );
    expect(await faultOf(fileBytes('{}', 0).slice(0, 9))).toMatchInlineSnapshot(
      `"FILE: is truncated: the header ends at byte 10, the file has 9 (at byte 9)"`,
    );
    expect(await faultOf(fileBytes('{"a":', 0))).toMatchInlineSnapshot(
      `"FILE: the header is not valid JSON (at byte 8)"`,
    );
    expect(await faultOf(fileBytes('[]', 0))).toMatchInlineSnapshot(
      `"FILE: the header is not a JSON object (at byte 8)"`,
    );
    expect(await header({ a: f32(0, 8) }, 4)).toMatchInlineSnapshot(
      `"FILE: is truncated: tensor "a" ends at byte 70, the file has 66 (at byte 66)"`,
    );
    expect(await header({ a: f32(0, 8) }, 12)).toMatchInlineSnapshot(
      `"FILE: 4 bytes after the last tensor belong to no tensor (at byte 70)"`,
    );
    expect(await header({ a: f32(0, 8), b: f32(4, 12) }, 12)).toMatchInlineSnapshot(
      `"FILE: tensors "a" and "b" overlap (at byte 120)"`,
    );
    expect(await header({ a: f32(0, 8), b: f32(12, 16) }, 16)).toMatchInlineSnapshot(
      `"FILE: 4 bytes before tensor "b" belong to no tensor (at byte 125)"`,
    );
    expect(await header({ a: f32(0, 8, [3]) }, 8)).toMatchInlineSnapshot(
      `"FILE: tensor "a": F32 [3] takes 12 bytes, data_offsets give 8 (at byte 9)"`,
    );
    expect(await header({ a: { dtype: 'F64', shape: [1], data_offsets: [0, 8] } }, 8)).toMatchInlineSnapshot(
      `"FILE: tensor "a": has dtype "F64"; this package reads F32, BF16, F16, I32, U32, U8, I16 (at byte 9)"`,
    );
    expect(await header({ a: { dtype: 'F32', shape: [-1], data_offsets: [0, 4] } }, 4)).toMatchInlineSnapshot(
      `"FILE: tensor "a": shape must be a list of sizes (at byte 9)"`,
    );
    expect(await header({ a: { dtype: 'F32', shape: [1], data_offsets: [4, 0] } }, 4)).toMatchInlineSnapshot(
      `"FILE: tensor "a": data_offsets must be [begin, end] (at byte 9)"`,
    );
    expect(await header({ ok: f32(0, 4), a: 3 }, 4)).toMatchInlineSnapshot(
      `"FILE: tensor "a": expected an object (at byte 63)"`,
    );
    expect(await header({ __metadata__: { a: 3 } }, 0)).toMatchInlineSnapshot(
      `"FILE: __metadata__ must map strings to strings (at byte 9)"`,
    );
  });

  it('is found at every length of truncation', async () => {
    const path = join(folder, 'whole');
    await writeSafetensors(path, ENTRIES);
    const bytes = new Uint8Array(await readFile(path));
    for (let length = 0; length < bytes.length; length += 7) await faultOf(bytes.slice(0, length));
  });

  it('is found when it shrinks after it was opened', async () => {
    const path = join(folder, 'shrinks');
    await writeSafetensors(path, ENTRIES);
    await using file = await openSafetensors(path);
    const handle = await open(path, 'r+');
    await handle.truncate(file.names.length);
    await handle.close();
    await expect(file.read('a.weight')).rejects.toThrow(/ends early: 24 more bytes were expected/);
  });
});

describe('a write that fails', () => {
  const onlyFile = async (): Promise<string[]> => (await readdir(folder)).sort();

  it('leaves the old file and nothing else', async () => {
    const path = join(folder, 'w.safetensors');
    await writeSafetensors(path, [ENTRIES[0]!]);
    const before = await readFile(path);
    const failing: SafetensorsEntry = {
      name: 'late',
      dtype: 'f32',
      shape: [1],
      data: () => {
        throw new RangeError('no data');
      },
    };
    await expect(writeSafetensors(path, [ENTRIES[1]!, failing])).rejects.toThrow(new RangeError('no data'));
    expect(await readFile(path)).toEqual(before);
    expect(await onlyFile()).toEqual(['w.safetensors']);
  });

  it('refuses arrays that do not fit and repeated names', async () => {
    const path = join(folder, 'w.safetensors');
    await expect(
      writeSafetensors(path, [{ name: 'x', dtype: 'f32', shape: [2], data: new Float32Array(3) }]),
    ).rejects.toThrow('expected an array of 2 elements for f32 [2] for `data of "x"`, got Float32Array(3)');
    await expect(
      writeSafetensors(path, [{ name: 'x', dtype: 'f32', shape: [2], data: () => new Uint8Array(2) }]),
    ).rejects.toThrow('got Uint8Array(2)');
    await expect(writeSafetensors(path, [ENTRIES[0]!, ENTRIES[0]!])).rejects.toThrow(
      'expected a name that is not taken for `name`, got "a.weight"',
    );
    expect(await onlyFile()).toEqual([]);
  });

  it('names the file and the remedy', async () => {
    const missing = join(folder, 'no', 'such', 'w.safetensors');
    await expect(writeSafetensors(missing, ENTRIES)).rejects.toMatchObject({
      code: 'ERR_WRITE',
      message: `cannot write ${missing}: the folder does not exist; create it first`,
    });
    const taken = join(folder, 'taken');
    await mkdir(join(taken, 'inside'), { recursive: true });
    await expect(writeSafetensors(taken, ENTRIES)).rejects.toMatchObject({
      code: 'ERR_WRITE',
      message: `cannot write ${taken}: there is a folder of this name; choose another name`,
    });
    expect(await onlyFile()).toEqual(['taken']);
  });

  it.skipIf(!existsSync('/dev/full'))('explains a full disk', async () => {
    const handle = await open('/dev/full', 'w');
    const cause: unknown = await handle.write(new Uint8Array(8)).catch((e: unknown) => e);
    await handle.close();
    const error = writeError('run/checkpoint.safetensors', cause as NodeJS.ErrnoException);
    expect(error).toBeInstanceOf(RevoxelError);
    expect(`${error.code} ${error.message}`).toMatchInlineSnapshot(
      `"ERR_WRITE cannot write run/checkpoint.safetensors: the disk is full; free space or choose another folder"`,
    );
  });

  it.skipIf(process.platform !== 'linux' || !existsSync(BUILT))(
    'removes its temporary file when the system stops it in the middle',
    () => {
      const path = join(folder, 'limited.safetensors');
      // A limit of 64 KiB on files stands for a disk that fills up; without a handler the signal would end the process.
      const script = `
      process.on('SIGXFSZ', () => undefined);
      const { writeSafetensors } = await import(${JSON.stringify(pathToFileURL(BUILT).href)});
      await writeSafetensors(${JSON.stringify(path)}, [{ name: 'x', dtype: 'f32', shape: [1 << 20], data: new Float32Array(1 << 20) }]).catch((e) => {
        console.log(JSON.stringify({ code: e.code, message: e.message }));
      });`;
      const run = spawnSync(
        'bash',
        ['-c', 'ulimit -f 64; exec "$0" --input-type=module -e "$1"', process.execPath, script],
        { encoding: 'utf8' },
      );
      expect(run.stderr).toBe('');
      expect(JSON.parse(run.stdout)).toEqual({
        code: 'ERR_WRITE',
        message: `cannot write ${path}: the file would pass the size limit of this system or process; choose another folder or raise the limit`,
      });
      expect(readdirSync(folder)).toEqual([]);
    },
  );
});
