/** The command line itself: help, usage errors, exit codes, where things are printed. In this process; no work is done. */
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../src/options.js';
import { call } from './support/command.js';

describe('help', () => {
  it('lists the commands', async () => {
    const { code, stdout, stderr } = await call('--help');
    expect(code).toBe(0);
    expect(stderr).toBe('');
    for (const { name } of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(stdout).toContain('Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.');
  });

  it.each(COMMANDS.map((c) => c.name))('%s --help shows its options and examples', async (name) => {
    const spec = COMMANDS.find((c) => c.name === name)!;
    const { code, stdout } = await call(name, '--help');
    expect(code).toBe(0);
    for (const { flags, hidden } of spec.options)
      if (hidden) expect(stdout).not.toContain(flags);
      else expect(stdout).toContain(flags);
    for (const example of spec.examples) expect(stdout).toContain(example);
  });

  it('every example is a command line that parses', () => {
    for (const { examples, name } of COMMANDS)
      for (const line of examples) expect(line).toMatch(new RegExp(`^(revoxel ${name}|npm run ${name} --)`));
  });

  it('says the version', async () => {
    expect((await call('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('wrong usage', () => {
  it.each<[string[], string]>([
    [['trian'], "error: unknown command 'trian'"],
    [['train', '--out', 'x', '--steps', '1', '--colour'], "error: unknown option '--colour'"],
    [['inspect'], "error: missing required argument 'file'"],
    [['predict', '--input', 'x', '--output', 'y'], "error: required option '--run <run>' not specified"],
    [
      ['train', '--out', 'x', '--steps', '1'],
      'error: --data is missing: give the folder of a data set, or --resume to go on with a run',
    ],
    [['train', '--data', 'd', '--out', 'x'], 'error: give --minutes or --steps: how long to train'],
    [
      ['train', '--data', 'd', '--out', 'x', '--steps', '1', '--minutes', '1'],
      'error: --minutes and --steps exclude each other: give one',
    ],
    [['train', '--data', 'd', '--out', 'x', '--steps', 'many'], 'error: --steps expects a whole number of at least 1'],
    [['train', '--data', 'd', '--out', 'x', '--minutes', '0'], 'error: --minutes expects a number above 0'],
    [
      ['train', '--data', 'd', '--out', 'x', '--steps', '1', '--fold', 'third'],
      'error: --fold expects a number from 0, or all',
    ],
    [
      ['train', '--data', 'd', '--out', 'x', '--steps', '1', '--patch', '40'],
      'error: --patch expects three sizes as depth,height,width, such as 40,56,40',
    ],
    [
      ['train', '--data', 'd', '--out', 'x', '--steps', '1', '--seed', '4294967296'],
      'error: --seed expects a whole number below 4294967296',
    ],
    [
      ['train', '--data', 'd', '--out', 'x', '--steps', '1', '--checkpoint-seconds', '-1'],
      'error: --checkpoint-seconds expects a number of at least 0',
    ],
    [
      ['train', '--out', 'x', '--resume', '--seed', '1'],
      "error: --resume takes fold, seed, model, channels, levels, blocks, stream, precision, batch and patch from the run: leave --seed out, or edit the run's plans.json",
    ],
    [
      ['train', '--data', 'd', '--out', 'x', '--steps', '1', '--stream', 'q32'],
      'error: --stream is for reversible networks: leave it out with unet3d, or choose another --model',
    ],
    [
      ['train', '--out', 'x', '--resume', '--memory', 'auto'],
      'error: --memory auto needs --budget: the bytes that the step may take, such as 8GiB',
    ],
    [
      ['train', '--data', 'd', '--out', 'x', '--steps', '1', '--model', 'iunet2d'],
      "error: option '--model <name>' argument 'iunet2d' is invalid. Allowed choices are unet3d, partially-reversible-unet3d, revunet3d, iunet3d, irevunet3d.",
    ],
    [
      ['train', '--data', 'd', '--out', 'x', '--steps', '1', '--backend', 'gpu'],
      'error: --backend expects one of auto, cuda, cpu, typescript, reference, cuda-emulated, or cuda:N',
    ],
  ])('%j', async (argv, line) => {
    const { code, stdout, stderr } = await call(...argv);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr.split('\n')[0]).toBe(line);
  });
});

describe('failures', () => {
  it('are one line; stacks come with REVOXEL_DEBUG', async () => {
    const { code, stdout, stderr } = await call('inspect', '/nowhere/scan.nii.gz');
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^error: \/nowhere\/scan\.nii\.gz: .*; .*\n$/);
    process.env['REVOXEL_DEBUG'] = '1';
    try {
      const debug = await call('inspect', '/nowhere/scan.nii.gz');
      expect(debug.stderr).toMatch(/\n {4}at /);
      expect(debug.code).toBe(1);
    } finally {
      delete process.env['REVOXEL_DEBUG'];
    }
  });
});
