/**
 * The command on the CUDA kernels, run by their emulator: losses beside the reference, the same bits under every memory
 * choice, and a training that goes on in a fresh process after the GPU's context was lost. Skipped visibly where the
 * emulated addon is not built.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { listBackends, openSafetensors } from '@revoxel/runtime';
import { beforeAll, describe, expect, it } from 'vitest';
import { revoxel, start, temporaryFolder, writeDataset } from './support/command.js';

const built = (await listBackends({ from: import.meta.url })).some((b) => b.name === 'cuda-emulated');
const folder = await temporaryFolder();
const data = join(folder, 'data');

beforeAll(() => writeDataset(data, 5));

const train = (out: string, steps: number, ...more: string[]): string[] => [
  ...['train', '--data', data, '--out', join(folder, out), '--steps', String(steps), '--seed', '3', '--batch', '1'],
  ...['--patch', '8,8,8', '--levels', '2', '--checkpoint-seconds', '0', '--json', ...more],
];

async function tensors(out: string): Promise<Record<string, string>> {
  const file = await openSafetensors(join(folder, out, 'checkpoint-latest.safetensors'));
  const all: Record<string, string> = {};
  for (const name of file.names) {
    const { data: values } = await file.read(name);
    all[name] = Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
  }
  await file.close();
  return all;
}

const name = `training on emulated CUDA kernels${built ? '' : ' (skipped: not built; npx nx run native-cuda:build:emulated)'}`;
describe.skipIf(!built)(name, { timeout: 240_000 }, () => {
  it('gives the losses of the reference', async () => {
    const unet = ['--channels', '8', '--precision', 'bf16'];
    const losses: number[] = [];
    for (const backend of ['reference', 'cuda-emulated']) {
      const { code, stderr } = await revoxel(...train(`unet-${backend}`, 5, '--backend', backend, ...unet));
      expect(code, stderr).toBe(0);
      const log = await readFile(join(folder, `unet-${backend}`, 'log.jsonl'), 'utf8');
      losses.push(...[...log.matchAll(/"loss":(-?[\d.e-]+)/g)].map((match) => Number(match[1])));
    }
    // bf16: the tensor cores round weights too.
    const half = losses.length / 2;
    expect(half).toBeGreaterThan(0);
    for (let i = 0; i < half; i++) expect(Math.abs(losses[half + i]! - losses[i]!), `loss ${i}`).toBeLessThan(0.02);
  });

  it('gives the bits of keep under invert', async () => {
    const net = ['--model', 'partially-reversible-unet3d', '--channels', '8', '--precision', 'bf16', '--stream', 'q16'];
    for (const memory of ['keep', 'invert']) {
      const { code, stderr } = await revoxel(
        ...train(memory, 3, '--device', 'cuda-emulated', '--memory', memory, ...net),
      );
      expect(code, stderr).toBe(0);
    }
    expect(await tensors('invert')).toEqual(await tensors('keep'));
  });

  it('goes on in a fresh process after the context was lost', async () => {
    const options = ['--backend', 'cuda-emulated', '--channels', '4'];
    expect((await revoxel(...train('straight', 12, ...options))).code).toBe(0);
    // Some launch in the middle fails as an illegal address does.
    const { finished } = start(train('lost', 12, ...options), { REVOXEL_EMULATOR_FAIL_AFTER: '2000' });
    const { code, stderr } = await finished;
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(/context is lost.*start the process again/);
    const again = await revoxel('train', '--out', join(folder, 'lost'), '--resume', '--json');
    expect(again.code, again.stderr).toBe(0);
    expect(await tensors('lost')).toEqual(await tensors('straight'));
  });
});
