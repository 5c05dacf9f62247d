/**
 * A volume of more than 2 GiB, plain and gzip: beyond one system read and beyond 32-bit offsets. Needs about 5 GiB of memory
 * and 2.5 GiB of disk; skipped, visibly, where there is less.
 */
import { mkdtemp, rm, stat, statfs } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeVolume, readNifti, writeNifti } from '../src/index.js';

const GIB = 2 ** 30;
const disk = await statfs(tmpdir());
const enough = freemem() > 6 * GIB && disk.bavail * disk.bsize > 3 * GIB;

describe.skipIf(!enough)('a volume beyond 2 GiB (needs 6 GiB of memory, 3 GiB of disk)', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'revoxel-large-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  for (const name of ['large.nii', 'large.nii.gz']) {
    it(`${name} comes back as it was`, async () => {
      // int16, 2.1 GiB: the slice number everywhere, so that a misplaced chunk shows.
      const [nd, nh, nw] = [1100, 1024, 1024] as const;
      const data = new Int16Array(nd * nh * nw);
      for (let d = 0; d < nd; d++) data.fill(d, d * nh * nw, (d + 1) * nh * nw);
      data[data.length - 1] = -7;
      expect(data.byteLength).toBeGreaterThan(2 * GIB);
      const path = join(folder, name);
      await writeNifti(path, makeVolume({ data, shape: [nd, nh, nw] }), { level: 1 });
      if (name.endsWith('.nii')) expect((await stat(path)).size).toBe(352 + data.byteLength);
      const back = await readNifti(path);
      expect(back.data.length).toBe(data.length);
      let wrong = 0;
      for (let i = 0; i < data.length; i++) if (back.data[i] !== data[i]) wrong++;
      expect(wrong).toBe(0);
      await rm(path);
    });
  }
});
