/**
 * The real command in a process of its own, and a tiny data set for it. What is run is the built program: the test target
 * builds first.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeVolume, writeNifti, type Triple, type Volume } from '@revoxel/imaging';
import { afterAll } from 'vitest';
import { run } from '../../src/program.js';

/** The command's file. */
export const REVOXEL = fileURLToPath(new URL('../../bin/revoxel.mjs', import.meta.url));

/** What a process left behind. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The last line of stderr. */
  readonly lastError: string;
}

/** Environment of the command: nothing inherited decides the backend. */
function environment(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const { REVOXEL_BACKEND: _b, REVOXEL_DEBUG: _d, NO_COLOR: _n, ...rest } = process.env;
  return { ...rest, ...more };
}

/** The command line in this process, from the sources: for what does no work. */
export async function call(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  let stdout = '';
  let stderr = '';
  const code = await run(argv, {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
  });
  return { code, stdout, stderr };
}

/** Start the command. */
export function start(
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
  cwd?: string,
): { child: ChildProcess; finished: Promise<Finished> } {
  return collect(
    spawn(process.execPath, [REVOXEL, ...args], {
      env: environment(more),
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(cwd === undefined ? {} : { cwd }),
    }),
  );
}

/** Run the command to its end. */
export function revoxel(...args: string[]): Promise<Finished> {
  return start(args).finished;
}

/** Run a shell script; `"$@"` in it is the command line. */
export function shell(script: string, args: readonly string[]): Promise<Finished> {
  return collect(
    spawn('bash', ['-c', script, 'bash', process.execPath, REVOXEL, ...args], {
      env: environment({}),
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  ).finished;
}

function collect(child: ChildProcess): { child: ChildProcess; finished: Promise<Finished> } {
  let stdout = '';
  let stderr = '';
  child.stdout!.on('data', (part: Buffer) => (stdout += part.toString()));
  child.stderr!.on('data', (part: Buffer) => (stderr += part.toString()));
  const finished = new Promise<Finished>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) =>
      resolve({ code, stdout, stderr, lastError: stderr.trimEnd().split('\n').at(-1) ?? '' }),
    );
  });
  return { child, finished };
}

/** A folder that is removed after the tests of the file. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'revoxel-cli-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Image and label map number `n`: a bright ball with a brighter core. */
export function syntheticCase(
  n: number,
  shape: Triple = [12, 13, 11],
): { image: Volume<Float32Array>; label: Volume<Uint8Array> } {
  const [d, h, w] = shape;
  const image = new Float32Array(d * h * w);
  const label = new Uint8Array(d * h * w);
  for (let i = 0; i < image.length; i++) {
    const [z, y, x] = [Math.floor(i / (h * w)), Math.floor(i / w) % h, i % w];
    const r = Math.hypot((z - d / 2 - (n % 3) + 1) / 1.2, y - h / 2, x - w / 3 - (n % 2));
    label[i] = r < 1.9 ? 2 : r < 3.6 ? 1 : 0;
    image[i] = 100 + [0, 60, 140][label[i]!]! + 8 * Math.sin(1.7 * i + n);
  }
  return {
    image: makeVolume({ data: image, shape, spacing: [1, 1, 1] }),
    label: makeVolume({ data: label, shape, spacing: [1, 1, 1] }),
  };
}

/** Write `dataset.json` of the synthetic data set. */
export async function writeDatasetJson(folder: string, count: number): Promise<void> {
  const json = {
    name: 'Synthetic',
    channel_names: { 0: 'MRI' },
    labels: { background: 0, shell: 1, core: 2 },
    numTraining: count,
    file_ending: '.nii.gz',
  };
  await writeFile(join(folder, 'dataset.json'), JSON.stringify(json));
}

/** Write a data set of `count` cases in nnU-Net's layout. */
export async function writeDataset(folder: string, count: number): Promise<void> {
  for (const part of ['imagesTr', 'labelsTr']) await mkdir(join(folder, part), { recursive: true });
  for (let n = 0; n < count; n++) {
    const { image, label } = syntheticCase(n);
    await writeNifti(join(folder, 'imagesTr', `case_${n}_0000.nii.gz`), image);
    await writeNifti(join(folder, 'labelsTr', `case_${n}.nii.gz`), label);
  }
  await writeDatasetJson(folder, count);
}
