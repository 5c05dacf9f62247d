/**
 * A training that is killed (SIGKILL, at a random moment, twice) and resumed ends with the very bits of one that was left
 * alone. SIGINT writes a checkpoint and exits with 130.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openSafetensors } from '@revoxel/runtime';
import { beforeAll, describe, expect, it } from 'vitest';
import { revoxel, start, temporaryFolder, writeDataset } from './support/command.js';

const folder = await temporaryFolder();
const data = join(folder, 'data');
const STEPS = 90;
const options = [
  '--backend',
  'typescript',
  '--channels',
  '3',
  '--batch',
  '2',
  '--patch',
  '8,8,8',
  '--checkpoint-seconds',
  '0',
];
const begin = (out: string): string[] => [
  'train',
  '--data',
  data,
  '--out',
  out,
  '--steps',
  String(STEPS),
  '--seed',
  '3',
  ...options,
];
const resume = (out: string): string[] => ['train', '--out', out, '--resume', '--checkpoint-seconds', '0'];

beforeAll(() => writeDataset(data, 5));

async function tensors(out: string): Promise<Record<string, string>> {
  const file = await openSafetensors(join(out, 'checkpoint-latest.safetensors'));
  const all: Record<string, string> = {};
  for (const name of file.names) {
    const { data: values } = await file.read(name);
    all[name] = Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
  }
  await file.close();
  return all;
}

/** Steps in the newest checkpoint, 0 before there is one. */
async function stepOf(out: string): Promise<number> {
  const text = await readFile(join(out, 'checkpoint-latest.json'), 'utf8').catch(() => '{"step":0}');
  return (JSON.parse(text) as { step: number }).step;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('a run that is killed', { timeout: 120_000 }, () => {
  it('ends with the same weights as one that was left alone', async () => {
    const straight = join(folder, 'straight');
    expect((await revoxel(...begin(straight))).code).toBe(0);

    const killed = join(folder, 'killed');
    let before = 0;
    for (const args of [begin(killed), resume(killed)]) {
      const { child, finished } = start(args);
      // Some step after the last kill, and some moment within it: during a step, a checkpoint, a batch.
      const target = before + 1 + Math.floor(Math.random() * 8);
      while ((await stepOf(killed)) < target && child.exitCode === null) await pause(5);
      await pause(Math.random() * 60);
      child.kill('SIGKILL');
      const { code, stderr } = await finished;
      expect(code, stderr).toBeNull();
      before = await stepOf(killed);
      expect(before).toBeLessThan(STEPS);
    }
    const last = await revoxel(...resume(killed), '--json');
    expect(last.code, last.stderr).toBe(0);
    expect(JSON.parse(last.stdout)).toMatchObject({ steps: STEPS, backend: 'typescript' });
    expect(await tensors(killed)).toEqual(await tensors(straight));
  });

  it('writes a checkpoint and exits with 130 on SIGINT', async () => {
    const out = join(folder, 'interrupted');
    const { child, finished } = start([
      'train',
      '--data',
      data,
      '--out',
      out,
      '--steps',
      '100000',
      ...options.slice(0, -1),
      '1000',
    ]);
    let seen = '';
    child.stderr!.on('data', (part: Buffer) => (seen += part.toString()));
    while (!seen.includes('training on typescript') && child.exitCode === null) await pause(20);
    await pause(300);
    child.kill('SIGINT');
    const { code, stdout, lastError } = await finished;
    expect(code).toBe(130);
    expect(stdout).toBe('');
    expect(lastError).toMatch(
      /^error: .*interrupted: stopped after step \d+; the checkpoint is written, resume the run to go on$/,
    );
    expect(await stepOf(out)).toBe(Number(/step (\d+)/.exec(lastError)![1]));
  });
});
