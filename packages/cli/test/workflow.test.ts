/** inspect, train, predict, evaluate and demo one after the other on a tiny data set, through the real command. */
import { mkdir, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeNifti } from '@revoxel/imaging';
import { beforeAll, describe, expect, it } from 'vitest';
import { revoxel, start, syntheticCase, temporaryFolder, writeDataset } from './support/command.js';

const folder = await temporaryFolder();
const data = join(folder, 'data');
const run = join(folder, 'run');

beforeAll(() => writeDataset(data, 10));

describe('the commands', { timeout: 120_000 }, () => {
  it('inspect describes a label map', async () => {
    const file = join(data, 'labelsTr', 'case_0.nii.gz');
    const text = await revoxel('inspect', file);
    expect(text.code).toBe(0);
    expect(text.stdout).toContain('shape       12 x 13 x 11 voxels (D x H x W)');
    expect(text.stdout).toMatch(/^label {2}voxels {2}/m);
    const json = await revoxel('inspect', file, '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      file,
      shape: [12, 13, 11],
      spacing: [1, 1, 1],
      orientation: 'RAS',
      type: 'uint8',
      min: 0,
      max: 2,
    });
  });

  it('train, predict and evaluate', async () => {
    const trained = await revoxel(
      'train',
      '--data',
      data,
      '--out',
      run,
      '--steps',
      '60',
      '--fold',
      '0',
      '--channels',
      '4',
      '--batch',
      '1',
      '--patch',
      '8,8,8',
      '--backend',
      'reference',
      '--validate',
      '--json',
    );
    expect(trained.code, trained.stderr).toBe(0);
    expect(trained.stderr).toMatch(/^epoch 1 {2}step \d+ {2}loss /m);
    // Without a terminal there is no bar and no colour, only lines.
    expect(trained.stderr.includes('\u001b')).toBe(false);
    const result = JSON.parse(trained.stdout) as { steps: number; run: string; validation: { dice: number } };
    expect(result).toMatchObject({
      steps: 60,
      run,
      backend: 'reference',
      memory: { plannedBytes: expect.any(Number), measuredBytes: expect.any(Number) },
    });
    expect(result.validation.dice).toBeGreaterThan(0.3);

    const images = join(folder, 'images');
    const references = join(folder, 'references');
    for (const part of [images, references]) await mkdir(part);
    for (const n of [20, 21]) {
      await writeNifti(join(images, `new_${n}_0000.nii.gz`), syntheticCase(n).image);
      await writeNifti(join(references, `new_${n}.nii.gz`), syntheticCase(n).label);
    }
    const output = join(folder, 'output');
    const predicted = await revoxel(
      'predict',
      '--run',
      run,
      '--input',
      images,
      '--output',
      output,
      '--backend',
      'typescript',
      '--probabilities',
      '--tta',
      '--json',
    );
    expect(predicted.code, predicted.stderr).toBe(0);
    expect((JSON.parse(predicted.stdout) as { cases: { id: string }[] }).cases.map((c) => c.id)).toEqual([
      'new_20',
      'new_21',
    ]);

    const scored = await revoxel('evaluate', '--prediction', output, '--reference', references, '--json');
    expect(scored.code, scored.stderr).toBe(0);
    const scores = JSON.parse(scored.stdout) as {
      cases: { id: string; labels: Record<string, { dice: number }> }[];
      mean: { dice: number; labels: Record<string, { dice: number }> };
    };
    expect(Object.keys(scores)).toEqual(['cases', 'mean']);
    expect(scores.cases.map((c) => c.id)).toEqual(['new_20', 'new_21']);
    expect(Object.keys(scores.mean.labels)).toEqual(['1', '2']);
    expect(scores.mean.dice).toBeGreaterThan(0.3);
    const table = await revoxel('evaluate', '--prediction', output, '--reference', references);
    expect(table.stdout).toMatch(/^mean +\d\.\d{3} +\d\.\d{3} +\d\.\d{3}$/m);

    const again = await revoxel('train', '--data', data, '--out', run, '--steps', '1');
    expect(again.code).toBe(1);
    expect(again.lastError).toMatch(/^error: .*run: holds a run already; resume it, or give another folder$/);
  });

  it('train takes a reversible network and a budget; a resumed run may choose its memory anew', async () => {
    const out = join(folder, 'reversible');
    const trained = await revoxel(
      ...['train', '--data', data, '--out', out, '--model', 'revunet3d', '--stream', 'q16', '--levels', '2'],
      ...['--blocks', '1', '--channels', '4', '--batch', '1', '--patch', '8,8,8', '--budget', '20MiB'],
      ...['--steps', '2', '--backend', 'typescript'],
    );
    expect(trained.code, trained.stderr).toBe(0);
    expect(trained.stderr).toContain('memory auto (budget 20.0 MiB)');
    const plans = JSON.parse(await readFile(join(out, 'plans.json'), 'utf8')) as { model: unknown };
    expect(plans.model).toMatchObject({
      kind: 'revunet3d',
      baseChannels: 4,
      levels: 2,
      encoderBlocks: 1,
      decoderBlocks: 1,
      stream: 'q16',
    });
    const memory = async (): Promise<unknown> =>
      (JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as { memory: unknown }).memory;
    expect(await memory()).toEqual({ mode: 'auto', budgetBytes: 20 * 2 ** 20 });
    const resumed = await revoxel('train', '--out', out, '--resume', '--steps', '3', '--memory', 'invert');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(resumed.stderr).not.toContain('warning');
    expect(await memory()).toEqual({ mode: 'invert' });
    const log = (await readFile(join(out, 'log.jsonl'), 'utf8')).trimEnd().split('\n');
    expect(JSON.parse(log.at(-1)!)).toMatchObject({ type: 'epoch', streams: { stream: { near: 0, clamped: 0 } } });

    const { image } = syntheticCase(20);
    const scan = join(folder, 'scan.nii.gz');
    await writeNifti(scan, image);
    const predicted = await revoxel(
      ...['predict', '--run', out, '--input', scan, '--output', join(folder, 'scan-out'), '--backend', 'typescript'],
    );
    expect(predicted.code, predicted.stderr).toBe(0);
  });

  it('demo shows the whole path, its last line the JSON', async () => {
    const out = join(folder, 'demo');
    const { code, stdout, stderr } = await start([
      'demo',
      '--data',
      data,
      '--out',
      out,
      '--minutes',
      '0.2',
      '--backend',
      'typescript',
      '--json',
    ]).finished;
    expect(code, stderr).toBe(0);
    const result = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Record<string, unknown>;
    expect(Object.keys(result)).toEqual(['backend', 'seconds', 'dice', 'memory', 'run']);
    expect(result).toMatchObject({
      backend: 'typescript',
      run: out,
      dice: { mean: expect.any(Number), labels: { '1': expect.any(Number), '2': expect.any(Number) } },
      memory: { plannedBytes: expect.any(Number), measuredBytes: expect.any(Number) },
    });
    expect(await readdir(join(out, 'predictions'))).toEqual([
      'case_2.json',
      'case_2.nii.gz',
      'case_7.json',
      'case_7.nii.gz',
    ]);
    const svg = await readFile(join(out, 'demo.svg'), 'utf8');
    expect(svg).toMatch(/^<svg [^]*<\/svg>\n$/);
    expect(svg.match(/data:image\/png;base64,/g)).toHaveLength(2);
    // Two labels in two cases.
    expect(svg.match(/class="reference" d="M/g)).toHaveLength(4);
    expect(svg.match(/class="prediction"/g)).toHaveLength(4);
    expect(svg).toContain('Dice on validation patches');
    expect(svg).not.toContain('NaN');
  });
});
