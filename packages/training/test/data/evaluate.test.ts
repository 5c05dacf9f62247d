import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FormatError, makeVolume, writeNifti } from '@revoxel/imaging';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DatasetError } from '../../src/data/errors.js';
import { evaluate } from '../../src/data/evaluate.js';
import { removeFolder, temporaryFolder } from '../helpers.js';

let folder: string;
let prediction: string;
let reference: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  prediction = join(folder, 'prediction');
  reference = join(folder, 'reference');
  await mkdir(prediction);
  await mkdir(reference);
});
afterEach(async () => {
  await removeFolder(folder);
});

const write = (file: string, values: number[], spacing: [number, number, number] = [1, 1, 1]): Promise<void> =>
  writeNifti(file, makeVolume({ data: Uint8Array.from(values), shape: [1, 2, values.length / 2], spacing }));

describe('evaluate', () => {
  it('scores folders per case and label, means over cases then labels', async () => {
    await write(join(reference, 'a.nii.gz'), [0, 1, 1, 1, 2, 2]);
    await write(join(prediction, 'a.nii.gz'), [0, 0, 1, 1, 2, 2]); // label 1: 2*2/(2+3), label 2: 1
    await write(join(reference, 'b.nii.gz'), [0, 0, 0, 0, 1, 1]);
    await write(join(prediction, 'b.nii'), [0, 0, 0, 1, 1, 1]); // label 1: 2*2/(3+2), label 2 in neither
    await write(join(reference, 'c.nii.gz'), [1, 1, 1, 1, 1, 1]); // not predicted
    const result = await evaluate(prediction, reference);
    expect(result).toEqual({
      cases: [
        { id: 'a', labels: { '1': { dice: 0.8 }, '2': { dice: 1 } } },
        { id: 'b', labels: { '1': { dice: 0.8 }, '2': { dice: null } } },
      ],
      mean: { dice: 0.9, labels: { '1': { dice: 0.8 }, '2': { dice: 1 } } },
    });
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
    await expect(evaluate(prediction, reference, { requireAll: true })).rejects.toThrow(
      /prediction\/c\.nii\.gz: is missing: the reference has this case/,
    );
  });

  it('scores the labels asked for, absent ones as null, a wrong guess as 0', async () => {
    await write(join(reference, 'a.nii.gz'), [0, 1, 1, 1]);
    await write(join(prediction, 'a.nii.gz'), [2, 1, 1, 1]);
    expect((await evaluate(prediction, reference, { labels: [1, 2, 3] })).mean).toEqual({
      dice: 0.5,
      labels: { '1': { dice: 1 }, '2': { dice: 0 }, '3': { dice: null } },
    });
  });

  it('scores two files whatever their names, and a file against a folder', async () => {
    await write(join(reference, 'truth.nii.gz'), [0, 1]);
    await write(join(prediction, 'mine.nii'), [1, 1]);
    expect((await evaluate(join(prediction, 'mine.nii'), join(reference, 'truth.nii.gz'))).cases).toEqual([
      { id: 'mine', labels: { '1': { dice: 2 / 3 } } },
    ]);
    await write(join(prediction, 'truth.nii'), [0, 1]);
    expect((await evaluate(join(prediction, 'truth.nii'), reference)).mean.dice).toBe(1);
  });

  it('names the file that is missing, damaged or does not match', async () => {
    await expect(evaluate(join(folder, 'none'), reference)).rejects.toThrow(
      /none: no such file or folder; check the path/,
    );
    await expect(evaluate(prediction, reference)).rejects.toThrow(/prediction: holds no label map/);
    await write(join(prediction, 'a.nii.gz'), [0, 1, 1, 1]);
    await write(join(reference, 'b.nii.gz'), [0, 1, 1, 1]);
    const missing = await evaluate(prediction, reference).catch((e: unknown) => e);
    expect(missing).toBeInstanceOf(DatasetError);
    expect((missing as DatasetError).message.replaceAll(folder, '.')).toMatchInlineSnapshot(
      `"./reference/a.nii.gz: is missing: the reference of ./prediction/a.nii.gz; add it or take the prediction out of the folder"`,
    );
    await write(join(reference, 'a.nii.gz'), [0, 1]);
    await expect(evaluate(prediction, reference)).rejects.toThrow(
      /prediction\/a\.nii\.gz: shape \[1, 2, 2\] differs from \[1, 2, 1\] of .*reference\/a\.nii\.gz/,
    );
    await write(join(reference, 'a.nii.gz'), [0, 1, 1, 1], [2, 1, 1]);
    await expect(evaluate(prediction, reference)).rejects.toThrow(/spacing in mm/);
    await writeFile(join(reference, 'a.nii.gz'), 'this is text');
    await expect(evaluate(prediction, reference)).rejects.toThrow(FormatError);
    await write(join(prediction, 'a.nii'), [0, 1]);
    await expect(evaluate(prediction, reference)).rejects.toThrow(/is case "a", and so is/);
  });
});
