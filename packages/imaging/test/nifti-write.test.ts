/**
 * Writing: what is written is read back to the byte, and a failure leaves nothing behind.
 */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VOXEL_TYPES, makeVolume, readNifti, readNiftiHeader, writeNifti } from '../src/index.js';
import type { Volume, VoxelArray } from '../src/index.js';
import { allocateVoxels } from '../src/dtype.js';
import { expectAllclose } from './support/allclose.js';
import { gridAffine, uniform } from './support/phantom.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'revoxel-write-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const SHEAR = Float64Array.of(1, 0.5, 0, -3, 0, 2, 0.25, 4, 0, 0, 3, 5, 0, 0, 0, 1);

function filled(type: (typeof VOXEL_TYPES)[number], channels = 1): Volume {
  const data: VoxelArray = allocateVoxels(type, channels * 60);
  const random = uniform(7);
  for (let i = 0; i < data.length; i++) {
    const v = Math.floor(random() * 128);
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[i] = BigInt(v) * 2n ** 50n + 1n;
    else data[i] = type.startsWith('float') ? random() - 0.5 : v;
  }
  return makeVolume({ data, channels, shape: [3, 4, 5], affine: gridAffine('LPS', [3, 4, 5], [2.5, 1.25, 0.75], 0.3) });
}

describe('writeNifti', () => {
  for (const type of VOXEL_TYPES) {
    for (const version of [1, 2] as const) {
      it(`keeps ${type}, NIfTI-${version}, plain and gzip`, async () => {
        const volume = filled(type);
        for (const name of ['a.nii', 'a.nii.gz']) {
          await writeNifti(join(folder, name), volume, {
            version,
            description: 'Grüße',
            intentCode: 1002,
            intentName: 'labels',
          });
          const back = await readNifti(join(folder, name));
          expect(back.data).toEqual(volume.data);
          expect(back.shape).toEqual(volume.shape);
          expect(back.header).toMatchObject({
            version,
            intentCode: 1002,
            intentName: 'labels',
            compressed: name.endsWith('gz'),
          });
          const expected = version === 2 ? [...volume.affine] : [...volume.affine].map(Math.fround);
          expect([...back.affine]).toEqual(expected);
        }
      });
    }
  }

  it('keeps channels as the fourth axis', async () => {
    const volume = filled('int16', 3);
    await writeNifti(join(folder, 'c.nii.gz'), volume);
    const back = await readNifti(join(folder, 'c.nii.gz'));
    expect(back.header.dims).toEqual([5, 4, 3, 3]);
    expect(back.channels).toBe(3);
    expect(back.data).toEqual(volume.data);
  });

  it('writes the same affine into the qform, and none for a sheared grid', async () => {
    for (const code of ['RAS', 'LAS', 'LPI', 'ASR', 'IPL', 'SRA']) {
      for (const tilt of [0, 0.4, 2.5]) {
        const affine = gridAffine(code, [3, 4, 5], [2.5, 1.25, 0.75], tilt);
        await writeNifti(join(folder, 'q.nii'), makeVolume({ data: new Uint8Array(60), shape: [3, 4, 5], affine }));
        // Take the sform away: what the qform alone says must be the same grid.
        const bytes = await readFile(join(folder, 'q.nii'));
        bytes.writeInt16LE(0, 254);
        await writeFile(join(folder, 'q.nii'), bytes);
        const header = await readNiftiHeader(join(folder, 'q.nii'));
        expect(header.affineSource).toBe('qform');
        expectAllclose(header.affine, affine, { atol: 5e-6 });
      }
    }
    await writeNifti(join(folder, 's.nii'), makeVolume({ data: new Uint8Array(60), shape: [3, 4, 5], affine: SHEAR }));
    expect(await readNiftiHeader(join(folder, 's.nii'))).toMatchObject({
      qformCode: 0,
      sformCode: 1,
      affineSource: 'sform',
    });
  });

  it('cuts a long description at a character', async () => {
    await writeNifti(join(folder, 'd.nii'), filled('uint8'), { description: 'x'.repeat(78) + 'ü' });
    const bytes = await readFile(join(folder, 'd.nii'));
    expect(bytes.subarray(148, 148 + 80).toString('utf8')).toBe('x'.repeat(78) + '\0\0');
  });

  it('converts to another type and refuses values that do not fit', async () => {
    const labels = makeVolume({ data: Float32Array.of(0, 1, 2, 255), shape: [1, 2, 2] });
    await writeNifti(join(folder, 'u.nii.gz'), labels, { dtype: 'uint8' });
    expect((await readNifti(join(folder, 'u.nii.gz'))).data).toEqual(Uint8Array.of(0, 1, 2, 255));
    const half = makeVolume({ data: Float32Array.of(0, 1, 0.5, 2), shape: [1, 2, 2] });
    await expect(
      writeNifti(join(folder, 'h.nii'), half, { dtype: 'uint8' }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: Expected values that fit uint8 for \`dtype\`, got 0.5 at voxel 2]`,
    );
    const large = makeVolume({ data: Int16Array.of(0, 1, 300, 2), shape: [1, 2, 2] });
    await expect(writeNifti(join(folder, 'h.nii'), large, { dtype: 'uint8' })).rejects.toMatchObject({
      code: 'ERR_ARGUMENT',
    });
    await expect(writeNifti(join(folder, 'h.nii'), large, { dtype: 'int64' })).resolves.toBeUndefined();
    expect((await readNifti(join(folder, 'h.nii'))).data).toEqual(BigInt64Array.of(0n, 1n, 300n, 2n));
    expect(await readdir(folder)).toEqual(['h.nii', 'u.nii.gz']);
  });

  it('takes NIfTI-2 for an axis beyond 32767', async () => {
    const long = makeVolume({ data: new Uint8Array(40000).map((_, i) => i % 251), shape: [1, 1, 40000] });
    await writeNifti(join(folder, 'l.nii.gz'), long);
    const back = await readNifti(join(folder, 'l.nii.gz'));
    expect(back.header.version).toBe(2);
    expect(Buffer.compare(back.data as Uint8Array, long.data)).toBe(0);
    await expect(writeNifti(join(folder, 'm.nii'), long, { version: 1 })).rejects.toMatchObject({
      code: 'ERR_ARGUMENT',
    });
  });

  it('is the same file every time, plain inside gzip', async () => {
    const volume = filled('float32');
    await writeNifti(join(folder, 'a.nii.gz'), volume);
    await writeNifti(join(folder, 'b.nii.gz'), volume);
    await writeNifti(join(folder, 'c.nii'), volume);
    const [a, b, c] = await Promise.all(['a.nii.gz', 'b.nii.gz', 'c.nii'].map((n) => readFile(join(folder, n))));
    expect(a!.equals(b!)).toBe(true);
    expect(gunzipSync(a!).equals(c!)).toBe(true);
  });

  it('refuses a volume that contradicts itself', async () => {
    const good = filled('uint8');
    await expect(writeNifti(join(folder, 'x.nii'), { ...good, shape: [3, 4, 6] })).rejects.toMatchObject({
      code: 'ERR_GEOMETRY',
    });
    await expect(writeNifti(join(folder, 'x.nii'), { ...good, spacing: [1, 1, 1] })).rejects.toMatchObject({
      code: 'ERR_GEOMETRY',
    });
  });
});

describe('a write that fails', () => {
  it('names the file and the remedy', async () => {
    const path = join(folder, 'missing', 'a.nii');
    await expect(writeNifti(path, filled('uint8'))).rejects.toMatchObject({
      code: 'ERR_WRITE',
      file: path,
      remedy: 'create the folder first',
    });
  });

  it('removes the temporary file when the rename fails', async () => {
    await mkdir(join(folder, 'taken.nii'));
    await expect(writeNifti(join(folder, 'taken.nii'), filled('uint8'))).rejects.toMatchObject({ code: 'ERR_WRITE' });
    expect(await readdir(folder)).toEqual(['taken.nii']);
  });

  // A full disk cannot be had without privileges; a file size limit makes the system refuse in the middle of a file just so.
  const prlimit = (size: string): void => {
    execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${size}:unlimited`]);
  };
  const canLimit = ((): boolean => {
    try {
      prlimit('unlimited');
      return true;
    } catch {
      return false;
    }
  })();

  it.skipIf(!canLimit)('in the middle leaves the old file and no rest (needs prlimit)', async () => {
    const path = join(folder, 'old.nii');
    const old = filled('uint8');
    await writeNifti(path, old);
    const large = makeVolume({ data: new Float32Array(64 * 64 * 64), shape: [64, 64, 64] });
    prlimit('65536');
    try {
      await expect(writeNifti(path, large)).rejects.toMatchObject({
        code: 'ERR_WRITE',
        file: path,
        cause: { code: 'EFBIG' },
      });
    } finally {
      prlimit('unlimited');
    }
    expect(await readdir(folder)).toEqual(['old.nii']);
    expect((await readNifti(path)).data).toEqual(old.data);
  });
});
