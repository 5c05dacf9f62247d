/**
 * Broken input and a full disk: each gives one line that names the file and the remedy, an exit code that is not 0, and no
 * half-written output. All through the real command.
 */
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { spawnSync } from 'node:child_process';
import { basename, join } from 'node:path';
import { makeVolume, writeNifti } from '@revoxel/imaging';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  revoxel,
  shell,
  syntheticCase,
  temporaryFolder,
  writeDataset,
  writeDatasetJson,
  type Finished,
} from './support/command.js';

const folder = await temporaryFolder();
const good = join(folder, 'good');
const run = join(folder, 'run');
const small = ['--backend', 'reference', '--channels', '2', '--batch', '1', '--patch', '8,8,8', '--steps', '1'];

beforeAll(async () => {
  await writeDataset(good, 5);
  expect((await revoxel('train', '--data', good, '--out', run, ...small)).code).toBe(0);
}, 60_000);

/** One line on stderr that starts with `error:`, names the file, and says what to do after a semicolon. */
function expectOneLine({ code, stdout, stderr, lastError }: Finished, file: string, remedy: RegExp): void {
  expect(code).toBe(1);
  expect(stdout).toBe('');
  const lines = stderr.trimEnd().split('\n');
  expect(lines.filter((line) => line.startsWith('error: '))).toEqual([lastError]);
  expect(lines.filter((line) => /^\s+at /.test(line))).toEqual([]);
  expect(lastError).toContain(file);
  expect(lastError).toMatch(remedy);
}

/** A copy of the good data set that a test may break. */
async function brokenDataset(name: string, damage: (data: string) => Promise<void>): Promise<string> {
  const data = join(folder, name);
  for (const part of ['imagesTr', 'labelsTr']) {
    await mkdir(join(data, part), { recursive: true });
    for (const file of await readdir(join(good, part))) await copyFile(join(good, part, file), join(data, part, file));
  }
  await writeDatasetJson(data, 5);
  await damage(data);
  return data;
}

async function truncate(file: string): Promise<void> {
  const bytes = await readFile(file);
  await writeFile(file, bytes.subarray(0, Math.floor(bytes.length / 2)));
}

describe('an image file that is none', { timeout: 60_000 }, () => {
  it('a truncated .nii.gz', async () => {
    const file = join(folder, 'cut.nii.gz');
    await writeNifti(file, syntheticCase(0).image);
    await truncate(file);
    expectOneLine(await revoxel('inspect', file), file, /is cut off: .*; copy or download the file again$/);
    const out = join(folder, 'cut-out');
    expectOneLine(
      await revoxel('predict', '--run', run, '--input', file, '--output', out, '--backend', 'reference'),
      file,
      /; .+/,
    );
    expect(await readdir(out)).toEqual([]);
  });

  it('a text file named .nii.gz', async () => {
    const file = join(folder, 'text.nii.gz');
    await writeFile(file, 'patient, label\n1, 2\n');
    expectOneLine(await revoxel('inspect', file), file, /; .+/);
    const out = join(folder, 'text-out');
    expectOneLine(
      await revoxel('predict', '--run', run, '--input', file, '--output', out, '--backend', 'reference'),
      file,
      /; .+/,
    );
    expect(await readdir(out)).toEqual([]);
  });

  it('a truncated image in a data set', async () => {
    const data = await brokenDataset('truncated', (d) => truncate(join(d, 'imagesTr', 'case_2_0000.nii.gz')));
    const out = join(folder, 'truncated-run');
    expectOneLine(
      await revoxel('train', '--data', data, '--out', out, ...small),
      join('imagesTr', 'case_2_0000.nii.gz'),
      /; .+/,
    );
    expect(await readdir(folder)).not.toContain(basename(out));
  });
});

describe('a data set that contradicts itself', { timeout: 60_000 }, () => {
  it('a label outside dataset.json', async () => {
    const { label } = syntheticCase(1);
    const data = await brokenDataset('label', (d) =>
      writeNifti(join(d, 'labelsTr', 'case_1.nii.gz'), { ...label, data: label.data.map((v) => (v === 2 ? 7 : v)) }),
    );
    const out = join(folder, 'label-run');
    const result = await revoxel('train', '--data', data, '--out', out, ...small);
    expectOneLine(
      result,
      join('labelsTr', 'case_1.nii.gz'),
      /value 7 at voxel \[d \d+, h \d+, w \d+\] is none of the labels 0 to 2; name it in dataset.json or correct the label map$/,
    );
    expect(await readdir(folder)).not.toContain(basename(out));
  });

  it('image and label of different shapes', async () => {
    const data = await brokenDataset('shape', (d) =>
      writeNifti(
        join(d, 'labelsTr', 'case_3.nii.gz'),
        makeVolume({ data: new Uint8Array(1000), shape: [10, 10, 10], spacing: [1, 1, 1] }),
      ),
    );
    const result = await revoxel('train', '--data', data, '--out', join(folder, 'shape-run'), ...small);
    expectOneLine(
      result,
      join('labelsTr', 'case_3.nii.gz'),
      /shape \[10, 10, 10\] differs from \[12, 13, 11\] of .*; .+/,
    );
  });

  it('an empty folder', async () => {
    const empty = join(folder, 'empty');
    await mkdir(empty);
    expectOneLine(
      await revoxel('train', '--data', empty, '--out', join(folder, 'empty-run'), ...small),
      empty,
      /is empty; give the folder that holds dataset.json$/,
    );
    expectOneLine(
      await revoxel(
        'predict',
        '--run',
        run,
        '--input',
        empty,
        '--output',
        join(folder, 'empty-out'),
        '--backend',
        'reference',
      ),
      empty,
      /; .+/,
    );
    expect(await readdir(folder)).not.toContain('empty-run');
  });

  it('predictions without references', async () => {
    const predictions = join(folder, 'predictions');
    await mkdir(predictions);
    await writeNifti(join(predictions, 'stranger.nii.gz'), syntheticCase(0).label);
    expectOneLine(
      await revoxel('evaluate', '--prediction', predictions, '--reference', join(good, 'labelsTr')),
      'stranger',
      /; .+/,
    );
  });
});

describe('a disk without room for the checkpoint', { timeout: 60_000 }, () => {
  // Sixteen channels make a checkpoint of several hundred KiB; everything else of this run stays below 100 KiB a file.
  const large = [
    '--backend',
    'reference',
    '--channels',
    '16',
    '--batch',
    '1',
    '--patch',
    '8,8,8',
    '--steps',
    '2',
    '--data',
    good,
  ];

  it('a file size limit', async () => {
    const out = join(folder, 'limited');
    const result = await shell('ulimit -f 100; exec "$@"', ['train', '--out', out, ...large]);
    expectOneLine(
      result,
      join(out, 'checkpoint-latest.safetensors'),
      /the file would pass the size limit of this system or process; choose another folder or raise the limit$/,
    );
    expect((await readdir(out)).filter((name) => name.includes('checkpoint'))).toEqual([]);
  });

  const canMount = spawnSync('unshare', ['-rm', 'bash', '-c', 'mount -t tmpfs tmpfs /mnt']).status === 0;
  it.skipIf(!canMount)('a full file system', async () => {
    // A file system of 256 KiB in a namespace of its own: it is gone with the process. The listing comes after the run.
    const mount = join(folder, 'full');
    await mkdir(mount);
    const script = `unshare -rm bash -c 'mount -t tmpfs -o size=256k tmpfs ${mount} && "$@"; code=$?; find ${mount}/run -name "*checkpoint*"; exit $code' bash "$@"`;
    const result = await shell(script, ['train', '--out', join(mount, 'run'), ...large]);
    expectOneLine(
      result,
      join(mount, 'run', 'checkpoint-latest.safetensors'),
      /the disk is full; free space or choose another folder$/,
    );
  });
});
