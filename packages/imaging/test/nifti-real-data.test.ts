/**
 * Round trip of every real file there is: read, write, read; data bytes and affine stay as they were.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readNifti, writeNifti } from '../src/index.js';
import type { VoxelArray } from '../src/index.js';
import { DATA_FOLDER, filesBelow } from './support/data-folder.js';

const files = DATA_FOLDER === undefined ? [] : filesBelow(DATA_FOLDER, '.nii.gz');

const bytesOf = (data: VoxelArray): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

describe.skipIf(DATA_FOLDER === undefined)(
  `real NIfTI files (${files.length}; set REVOXEL_TEST_DATA when absent)`,
  () => {
    let folder = '';
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'revoxel-nifti-'));
    });
    afterAll(async () => {
      await rm(folder, { recursive: true, force: true });
    });

    it('has files to test', () => {
      expect(files.length).toBeGreaterThan(0);
    });

    it('come back with the same data bytes and the same affine', async () => {
      const wrong: string[] = [];
      for (const file of files) {
        const name = relative(DATA_FOLDER!, file);
        const first = await readNifti(file);
        // No compression for speed: gzip itself is tested with the small files.
        const out = join(folder, 'copy.nii');
        await writeNifti(out, first, { description: first.header.description });
        const second = await readNifti(out);
        if (first.data.constructor !== second.data.constructor) wrong.push(`${name}: type`);
        if (!bytesOf(first.data).equals(bytesOf(second.data))) wrong.push(`${name}: bytes`);
        // The sform of NIfTI-1 is float32; an affine that came from one is kept to the bit.
        if (first.affine.some((v, i) => Math.fround(v) !== second.affine[i])) wrong.push(`${name}: affine`);
        if (first.header.description !== second.header.description) wrong.push(`${name}: description`);
      }
      expect(wrong).toEqual([]);
    }, 300_000);
  },
);
