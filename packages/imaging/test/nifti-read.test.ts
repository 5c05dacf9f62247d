/**
 * Reading against files and numbers made by nibabel (tools/fixtures/imaging), and every way a file can be wrong.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FormatError, ReadError, orientationCode, readNifti, readNiftiHeader, voxelTypeOf } from '../src/index.js';
import { expectAllclose } from './support/allclose.js';
import { fixture } from './support/data-folder.js';

interface Golden {
  readonly shapeIJK: readonly number[];
  readonly affine: readonly number[];
  readonly codes: string;
  readonly values: readonly (string | number)[];
  readonly dtype: string;
}
const golden = (JSON.parse(readFileSync(fixture('nifti.json'), 'utf8')) as { files: Record<string, Golden> }).files;

describe('readNifti against nibabel', () => {
  for (const [name, expected] of Object.entries(golden)) {
    it(name, async () => {
      const volume = await readNifti(fixture(name));
      const [i, j, k, ...rest] = expected.shapeIJK;
      expect(volume.shape).toEqual([k, j, i]);
      expect(volume.channels).toBe(rest.reduce((a, b) => a * b, 1));
      expect(voxelTypeOf(volume.data)).toBe(expected.dtype);
      expect(volume.header.littleEndian).toBe(!name.includes('-be.'));
      // nibabel computes in float64 from the same float32 fields; only its own rounding of quaternions differs.
      expectAllclose(volume.affine, expected.affine, { atol: 1e-6 });
      expect(orientationCode(volume.affine)).toBe(expected.codes);
      if (typeof expected.values[0] === 'string') expect([...volume.data].map(String)).toEqual(expected.values);
      else expect([...volume.data].map(Number)).toEqual(expected.values);
    });

    it(`${name}, header alone and uncompressed`, async () => {
      const whole = await readNifti(fixture(name));
      expect(await readNiftiHeader(fixture(name))).toEqual(whole.header);
      const plain = join(folder, name.slice(0, -3));
      await writeFile(plain, gunzipSync(await readFile(fixture(name))));
      const volume = await readNifti(plain);
      expect({ ...volume.header, compressed: true }).toEqual(whole.header);
      expect(volume.data).toEqual(whole.data);
    });
  }
});

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'revoxel-read-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Save bytes, read them, return the error. */
async function refusal(name: string, bytes: Uint8Array | string): Promise<FormatError> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  const error: unknown = await readNifti(path).then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(FormatError);
  const typed = error as FormatError;
  expect(typed.code).toBe('ERR_FORMAT');
  expect(typed.file).toBe(path);
  expect(typed.message).not.toContain('\n');
  expect(typed.message).toContain(path);
  expect(typed.message).toContain(typed.remedy);
  return typed;
}

const plainFile = (): Buffer => gunzipSync(readFileSync(fixture('int16-le.nii.gz')));
const patched = (change: (view: DataView) => void): Buffer => {
  const bytes = plainFile();
  change(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  return bytes;
};
const short = (error: FormatError): string => error.message.replace(error.file, 'FILE');

describe('readNifti refuses', () => {
  it('a text file named .nii.gz', async () => {
    expect(short(await refusal('text.nii.gz', 'patient,age\n1,70\n'.repeat(50)))).toMatchInlineSnapshot(
      `"FILE: is not a NIfTI file: it starts with the text "patient,age\\n" (byte 0); give a .nii or .nii.gz file, or convert this one to NIfTI"`,
    );
  });

  it('gzip that holds something else', async () => {
    const error = await refusal('other.nii.gz', gzipSync(Buffer.alloc(1000, 7)));
    expect(error.message).toContain('the bytes 07 07');
  });

  it('an empty file', async () => {
    expect((await refusal('empty.nii', '')).message).toContain('is empty');
  });

  it.each([20, 60, 100, 150])('gzip cut off after %i bytes', async (length) => {
    const whole = await readFile(fixture('int16-le.nii.gz'));
    const error = await refusal('cut.nii.gz', whole.subarray(0, length));
    expect(error.message).toContain('the gzip data end too early');
    expect(error.offset).toBe(length);
  });

  it('gzip cut off within its checksum', async () => {
    const whole = await readFile(fixture('int16-le.nii.gz'));
    const error = await refusal('checksum.nii.gz', whole.subarray(0, whole.length - 3));
    expect(error.message).toContain('the gzip data end too early');
  });

  it('gzip with a flipped bit', async () => {
    const whole = Buffer.from(await readFile(fixture('float64-le.nii.gz')));
    whole[250]! ^= 0x10;
    const error = await refusal('flipped.nii.gz', whole);
    expect(error.message).toContain('damaged gzip data');
  });

  it('a plain file cut off in its voxels', async () => {
    const error = await refusal('cut.nii', plainFile().subarray(0, 352 + 11));
    expect(error.message).toContain('is cut off: 11 of 48 bytes of voxels (4 x 3 x 2 int16)');
    expect(error.offset).toBe(363);
  });

  it('whole gzip around a file that was cut off before', async () => {
    const error = await refusal('inner.nii.gz', gzipSync(plainFile().subarray(0, 352 + 11)));
    expect(error.message).toContain('11 of 48 bytes');
  });

  it('a plain file cut off in its header', async () => {
    const error = await refusal('header.nii', plainFile().subarray(0, 200));
    expect(error.message).toContain('200 of 348 bytes');
    expect((await refusal('stub.nii', plainFile().subarray(0, 3))).message).toContain('ends after 3 bytes');
  });

  it('a wrong magic, and the header of a pair', async () => {
    const wrong = await refusal(
      'magic.nii',
      patched((v) => v.setUint8(344, 0)),
    );
    expect(wrong.offset).toBe(344);
    expect(wrong.message).toContain('Analyze');
    const pair = await refusal(
      'pair.nii',
      patched((v) => v.setUint8(345, 0x69)),
    );
    expect(pair.message).toContain('.hdr/.img');
  });

  it('colour and complex voxels', async () => {
    for (const [name, text] of [
      ['refused-rgb.nii.gz', 'RGB colour'],
      ['refused-complex.nii.gz', 'complex64'],
    ] as const) {
      const error = await refusal(name, await readFile(fixture(name)));
      expect(error.message).toContain(text);
      expect(error.offset).toBe(70);
    }
  });

  it('impossible sizes', async () => {
    expect(
      (
        await refusal(
          'axes.nii',
          patched((v) => v.setInt16(40, 9, true)),
        )
      ).message,
    ).toContain('9 axes');
    expect(
      (
        await refusal(
          'zero.nii',
          patched((v) => v.setInt16(44, 0, true)),
        )
      ).message,
    ).toContain('axis 2 of length 0');
    const huge = patched((v) => [42, 44, 46].forEach((at) => v.setInt16(at, 32000, true)));
    expect((await refusal('huge.nii', huge)).message).toContain('is cut off');
    expect((await refusal('huge.nii.gz', gzipSync(huge))).message).toContain('more than');
    const five = patched((v) => {
      v.setInt16(40, 5, true);
      v.setInt16(48, 2, true);
      v.setInt16(50, 2, true);
    });
    expect((await refusal('five.nii', five)).message).toContain('one axis beyond the third');
  });

  it('voxels inside the header, and an sform that maps to a plane', async () => {
    expect(
      (
        await refusal(
          'offset.nii',
          patched((v) => v.setFloat32(108, 100, true)),
        )
      ).offset,
    ).toBe(108);
    const flat = patched((v) => [288, 304, 320].forEach((at) => v.setFloat32(at, 0, true)));
    expect((await refusal('flat.nii', flat)).message).toContain('singular');
  });

  it('what the system cannot open', async () => {
    const missing = join(folder, 'nobody.nii.gz');
    await expect(readNifti(missing)).rejects.toMatchObject({
      code: 'ERR_READ',
      file: missing,
      remedy: 'check the path',
    });
    await expect(readNiftiHeader(missing)).rejects.toBeInstanceOf(ReadError);
    await expect(readNifti(folder)).rejects.toMatchObject({ code: 'ERR_READ', remedy: 'name a file, not a folder' });
  });
});

describe('readNifti copes with', () => {
  const readBytes = async (name: string, bytes: Uint8Array): ReturnType<typeof readNifti> => {
    const path = join(folder, name);
    await writeFile(path, bytes);
    return readNifti(path);
  };

  it('lengths in metres and micrometres', async () => {
    const mm = await readBytes('mm.nii', plainFile());
    const m = await readBytes(
      'm.nii',
      patched((v) => v.setUint8(123, 1)),
    );
    const um = await readBytes(
      'um.nii',
      patched((v) => v.setUint8(123, 3)),
    );
    expectAllclose(
      m.spacing,
      mm.spacing.map((s) => s * 1000),
      { rtol: 1e-12 },
    );
    expectAllclose(
      um.affine.subarray(0, 12),
      mm.affine.subarray(0, 12).map((s) => s / 1000),
      { rtol: 1e-12 },
    );
    expect(m.header.spaceUnit).toBe('m');
  });

  it('a file without any form: voxel sizes alone, axes along world axes', async () => {
    const volume = await readBytes(
      'none.nii',
      patched((v) => {
        v.setInt16(252, 0, true);
        v.setInt16(254, 0, true);
        v.setFloat32(80, 2, true);
        v.setFloat32(84, -3, true);
        v.setFloat32(88, 0, true);
      }),
    );
    expect(volume.header.affineSource).toBe('pixdim');
    expect(volume.spacing).toEqual([1, 3, 2]);
    expect([...volume.affine]).toEqual([2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
  });

  it('a quaternion longer than 1 by rounding', async () => {
    const volume = await readBytes(
      'long.nii',
      patched((v) => {
        v.setInt16(252, 1, true);
        v.setInt16(254, 0, true);
        v.setFloat32(76, 1, true);
        v.setFloat32(256, 0, true);
        v.setFloat32(260, 1.0000001, true);
        v.setFloat32(264, 0, true);
      }),
    );
    expect(orientationCode(volume.affine)).toBe('LAI');
  });

  it('a 2D image whose third axis has no direction', async () => {
    const volume = await readBytes(
      'flat2d.nii',
      patched((v) => {
        v.setInt16(40, 2, true);
        v.setInt16(46, 1, true);
        [288, 304, 320].forEach((at) => v.setFloat32(at, 0, true));
      }),
    );
    expect(volume.shape).toEqual([1, 3, 4]);
    expect(volume.spacing[0]).toBeCloseTo(1, 12);
  });

  it('a voxel offset of 0, and gzip made of several members', async () => {
    const zero = await readBytes(
      'zero.nii',
      patched((v) => v.setFloat32(108, 0, true)),
    );
    const bytes = plainFile();
    const members = await readBytes(
      'members.nii.gz',
      Buffer.concat([gzipSync(bytes.subarray(0, 100)), gzipSync(bytes.subarray(100))]),
    );
    const whole = await readNifti(fixture('int16-le.nii.gz'));
    expect(zero.data).toEqual(whole.data);
    expect(members.data).toEqual(whole.data);
  });
});
