/** `revoxel plan`: what it prints and gives as JSON, what it refuses, and that measuring happens in processes of its own. */
import { MODEL_KINDS, STREAM_KINDS, type ModelConfig } from '@revoxel/models';
import { loadBackend, MEMORY_MODES } from '@revoxel/runtime';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../src/options.js';
import { byteSize, parse, sizes } from '../src/schema.js';
import { call, revoxel } from './support/command.js';

/** One choice in the JSON. */
interface PlanJson {
  memory: {
    mode: string;
    peakBytes: number;
    activationBytes: number;
    byClass: Record<string, number>;
    persistentBytes: number;
    transientBytes: number;
    lowerBoundBytes: number;
  };
  flops: { step: number; extra: number; extraShare: number };
  bytesMoved: number;
  seconds: number;
  keepSeconds: number;
  planMs: number;
  units: { name: string; choice: string }[];
  warnings: string[];
  largestCube?: number | null;
  measured?: { plannedBytes: number; residentBytes: number | null; rssGrowthBytes: number; secondsPerStep: number };
}
interface ReportJson extends Pick<PlanJson, 'memory' | 'flops'> {
  model: string;
  config: ModelConfig;
  parameters: number;
  plans: PlanJson[];
}

const small = [
  '--model',
  'revunet3d',
  '--channels',
  '4',
  '--levels',
  '2',
  '--patch',
  '16,16,16',
  '--profile',
  'reference',
];

async function json(...argv: string[]): Promise<ReportJson> {
  const { code, stdout, stderr } = await call('plan', ...argv, '--json');
  expect(code, stderr).toBe(0);
  expect(stdout.trimEnd()).not.toContain('\n');
  return JSON.parse(stdout) as ReportJson;
}

describe('the JSON', { timeout: 60_000 }, () => {
  it('has a plan per memory choice', async () => {
    const report = await json(...small, '--classes', '3');
    expect(report).toMatchObject({ model: 'revunet3d', parameters: expect.any(Number) });
    expect(report.config).toEqual({ kind: 'revunet3d', classes: 3, baseChannels: 4, levels: 2 });
    expect(report.plans.map((p) => p.memory.mode)).toEqual(['keep', 'recompute', 'invert']);
    expect(report).not.toHaveProperty('memory');
    const [keep, , invert] = report.plans;
    for (const { memory, flops, bytesMoved, seconds, keepSeconds, planMs, units } of report.plans) {
      expect(memory.peakBytes).toBe(memory.persistentBytes + memory.transientBytes);
      expect(memory.transientBytes).toBeGreaterThanOrEqual(memory.lowerBoundBytes);
      const classes = Object.values(memory.byClass).reduce((a, b) => a + b, 0);
      expect(classes).toBe(memory.persistentBytes + memory.lowerBoundBytes);
      expect(memory.activationBytes).toBe(memory.byClass['activations']);
      expect(flops.step).toBeGreaterThan(0);
      expect(flops.extraShare).toBeCloseTo(flops.extra / (flops.step - flops.extra), 12);
      expect(bytesMoved).toBeGreaterThan(0);
      expect(seconds).toBeGreaterThanOrEqual(keepSeconds);
      expect(planMs).toBeGreaterThan(0);
      expect(units.length).toBeGreaterThan(3);
    }
    expect(invert!.memory.peakBytes).toBeLessThan(keep!.memory.peakBytes);
    expect(invert!.flops.extra).toBeGreaterThan(keep!.flops.extra);
    expect(invert!.units.some((u) => u.choice === 'invert')).toBe(true);
  });

  it('repeats the one that was asked for at its top', async () => {
    const report = await json(...small, '--memory', 'invert', '--optimizer', 'adamw');
    expect(report.plans).toHaveLength(1);
    expect(report.memory).toEqual(report.plans[0]!.memory);
    expect(report.flops).toEqual(report.plans[0]!.flops);
    expect(report.memory).toMatchObject({
      mode: 'invert',
      byClass: { optimizer: 2 * report.memory.byClass['parameters']! },
    });
  });

  it('adds auto, and the largest cubes, for a budget', async () => {
    const { plans } = await json(...small, '--budget', '1MiB', '--largest-cube');
    expect(plans.map((p) => p.memory.mode)).toEqual(['keep', 'recompute', 'invert', 'auto']);
    const [keep, , , auto] = plans;
    expect(auto!.memory.peakBytes).toBeLessThanOrEqual(2 ** 20);
    for (const { largestCube } of plans) expect(largestCube! % 2).toBe(0);
    expect(auto!.largestCube).toBeGreaterThanOrEqual(keep!.largestCube!);
  });

  it('has the largest cube even where the given patch is too large', async () => {
    const large = [...small, '--patch', '64,64,64', '--budget', '1MiB', '--largest-cube'];
    const { plans } = await json(...large, '--memory', 'keep');
    expect(plans[0]!.memory.peakBytes).toBeGreaterThan(2 ** 20);
    expect(plans[0]!.largestCube).toBeLessThan(64);
    expect((await json(...large)).plans.map((p) => p.largestCube! > 0)).toEqual([true, true, true, true]);
  });

  it('has the leanest plan of auto, by its own name, where the given patch is too large', async () => {
    const large = [...small, '--patch', '64,64,64', '--budget', '1MiB', '--largest-cube', '--memory', 'auto', '--json'];
    const { code, stdout, stderr } = await call('plan', ...large);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/^warning: --patch does not fit under auto, its leanest plan is shown: needs /m);
    const { memory, plans } = JSON.parse(stdout) as ReportJson;
    expect(memory.mode).toBe('auto');
    expect(memory.peakBytes).toBeGreaterThan(2 ** 20);
    expect(plans).toHaveLength(1);
    expect(plans[0]!.largestCube).toBeLessThan(64);
  });

  it.each(MODEL_KINDS)('plans %s', async (kind) => {
    const patch = kind.endsWith('2d') ? '32,32' : '32,32,32';
    const { plans } = await json('--model', kind, '--channels', '4', '--patch', patch, '--profile', 'cpu:4');
    expect(plans).toHaveLength(3);
    expect(plans[2]!.warnings).toEqual(
      kind === 'unet3d' ? [expect.stringContaining('nothing in this network can be inverted')] : [],
    );
  });
});

describe('the text', { timeout: 60_000 }, () => {
  it('is one table, then what it means', async () => {
    const { code, stdout } = await call('plan', ...small, '--stream', 'f32');
    expect(code).toBe(0);
    const shape = stdout
      .replace(/\d+ ms/g, 'N ms')
      .replace(/\d[\d.]*/g, 'N')
      .replace(/ {2,}/g, '  ');
    expect(shape).toMatchInlineSnapshot(`
      "revunetNd: N N parameters
      patch NxNxN, batch N, N channel(s) in, N classes
      stream fN, precision fN, sgd
      profile reference, N thread(s)

      memory  parameters  optimiser  gradients  activations  workspace  io  other  peak  TFLOP  extra  MiB moved  time  planned in
      keep  N  N  N  N  N  N  N  N  N  +N %  N  xN  N ms
      recompute  N  N  N  N  N  N  N  N  N  +N %  N  xN  N ms
      invert  N  N  N  N  N  N  N  N  N  +N %  N  xN  N ms
      bytes in MiB; extra and time: against a plan in which nothing is made twice, by the profile's nominal speed
      warning: invert: activations of a float stream are rebuilt with rounding errors, which grow with depth: gradients differ from those of "keep"; use a qN or qN stream for exact ones
      "
    `);
  });

  it('lists what auto decided, and marks what is above the budget', async () => {
    const budget = (await json(...small)).plans[2]!.memory.peakBytes;
    const { stdout } = await call('plan', ...small, '--budget', String(budget));
    expect(stdout).toMatch(/^keep .*\d!/m);
    expect(stdout).toMatch(/^unit +auto$/m);
    expect(stdout).toMatch(/^encoder\.0\.block0 +(keep|recompute|join|invert)$/m);
  });
});

describe('a float stream', { timeout: 60_000 }, () => {
  it('that fits by inexact inverses alone has no row for auto, and says so', async () => {
    const deep = [...small, '--stream', 'f32', '--blocks', '4'];
    const invert = (await json(...deep)).plans[2]!.memory.peakBytes;
    const { code, stdout, stderr } = await call('plan', ...deep, '--budget', String(invert), '--json');
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as ReportJson).plans.map((p) => p.memory.mode)).toEqual(['keep', 'recompute', 'invert']);
    expect(stderr).toMatch(/^warning: no row for auto: needs .* MiB, available .* MiB; /);
  });
});

describe('what it refuses', () => {
  it.each<[string, string[], number, string | RegExp]>([
    [
      'an unknown network',
      ['--model', 'vnet', '--patch', '32,32,32'],
      2,
      /^error: option '--model <name>' argument 'vnet' is invalid\. Allowed choices are unet3d, /,
    ],
    ['no patch', ['--model', 'unet3d'], 2, "error: required option '--patch <sizes>' not specified"],
    [
      'a patch for slices, for a network for volumes',
      ['--patch', '64,64'],
      2,
      'error: --patch has 2 sizes, unet3d takes 3: give depth,height,width',
    ],
    [
      'a patch for volumes, for a network for slices',
      ['--model', 'iunet2d', '--patch', '64,64,64'],
      2,
      'error: --patch has 3 sizes, iunet2d takes 2: give height,width',
    ],
    [
      'sizes that cannot be halved so often',
      ['--patch', '64,50,64'],
      2,
      'error: --patch: height 50 is no multiple of 16, the steps of unet3d; give such sizes, or fewer --levels',
    ],
    [
      'a patch of which one voxel would be left',
      ['--patch', '16,16,16'],
      2,
      'error: --patch 16,16,16 leaves a single voxel at the lowest level of unet3d; give a larger one',
    ],
    [
      'a stream in a network without one',
      ['--patch', '32,32,32', '--stream', 'q16'],
      2,
      'error: --stream is for reversible networks: leave it out with unet3d, or choose another --model',
    ],
    [
      'auto without a budget',
      ['--patch', '32,32,32', '--memory', 'auto'],
      2,
      'error: --memory auto needs --budget: the bytes that the step may take, such as 8GiB',
    ],
    [
      'a cube without a budget',
      ['--patch', '32,32,32', '--largest-cube'],
      2,
      'error: --largest-cube needs --budget: the bytes that the step may take, such as 8GiB',
    ],
    [
      'a size without sense',
      ['--patch', '32,32,32', '--budget', '8 lots'],
      2,
      'error: --budget expects a size such as 8GiB, 512MiB, 20GB or 8589934592',
    ],
    [
      'a GPU that is not known',
      ['--patch', '32,32,32', '--profile', 'cuda:h100'],
      2,
      'error: --profile cuda:GPU expects one of H100-80G, H200-141G, A100-40G, A100-80G, L40S-48G, RTX4090-24G, RTX3090-24G, T4-16G, got h100',
    ],
    [
      'an unknown machine',
      ['--patch', '32,32,32', '--profile', 'cpu:many'],
      2,
      'error: --profile expects typescript, reference, cpu, cpu:THREADS, cuda, cuda:N or cuda:GPU, got cpu:many',
    ],
    [
      'a budget that nothing fits',
      [...small, '--budget', '50kB'],
      1,
      /^error: needs \d+\.\d MiB, available 0\.0 MiB; this is the leanest plan of "training"/,
    ],
    [
      'a budget that no cube fits',
      [...small, '--budget', '50kB', '--largest-cube'],
      1,
      /^error: needs \d+\.\d MiB, available 0\.0 MiB; /,
    ],
    [
      'a choice that does not fit the budget',
      [...small, '--memory', 'keep', '--budget', '50kB'],
      1,
      /^error: needs \d+\.\d MiB, available 0\.0 MiB; /,
    ],
  ])('%s', async (_, argv, code, line) => {
    const result = await call('plan', ...argv);
    expect(result.stdout).toBe('');
    const said = result.stderr.split('\n').find((text) => text.startsWith('error: '));
    expect(said).toEqual(typeof line === 'string' ? line : expect.stringMatching(line));
    expect(result.code).toBe(code);
  });
});

describe('--measure', { timeout: 60_000 }, () => {
  it('runs two steps under every choice, each in a process of its own', async () => {
    const backend = await loadBackend('typescript');
    const { code, stdout, stderr } = await revoxel(
      ...['plan', '--model', 'revunet3d', '--channels', '4', '--levels', '2', '--patch', '16,16,16'],
      ...['--profile', backend.name, '--budget', '20MiB', '--measure', '--json'],
    );
    expect(code, stderr).toBe(0);
    const { plans } = JSON.parse(stdout) as ReportJson;
    expect(plans.map((p) => p.memory.mode)).toEqual(['keep', 'recompute', 'invert', 'auto']);
    for (const { memory, measured } of plans) {
      expect(measured!.plannedBytes).toBe(memory.peakBytes);
      expect(measured!.rssGrowthBytes).toBeGreaterThan(0);
      expect(measured!.secondsPerStep).toBeGreaterThan(0);
    }
    expect(stderr.match(/running two steps with memory/g)).toHaveLength(4);
  });
});

describe('sizes', () => {
  it.each([
    ['8GiB', 8 * 2 ** 30],
    ['512MiB', 512 * 2 ** 20],
    ['20GB', 20e9],
    ['1.5 tib', 1.5 * 2 ** 40],
    ['4kb', 4000],
    ['123B', 123],
    ['8589934592', 2 ** 33],
  ])('%s', (text, bytes) => {
    expect(parse(byteSize, text)).toBe(bytes);
  });

  it.each(['', 'GiB', '8G', '-1GiB', '0', '8GiB 2', '1e400', '0x10', '9999999999TiB'])('refuses %j', (text) => {
    expect(() => parse(byteSize, text)).toThrow('expects a size such as 8GiB, 512MiB, 20GB or 8589934592');
  });

  it('of patches have two or three axes', () => {
    expect(parse(sizes, '128,96')).toEqual([128, 96]);
    expect(parse(sizes, '128,96,64')).toEqual([128, 96, 64]);
    for (const text of ['128', '1,2,3,4', '0,8,8', '8x8']) expect(() => parse(sizes, text)).toThrow('expects sizes');
  });
});

describe('the table of options', () => {
  it('knows networks, streams and memory choices of the libraries', () => {
    const choices = (command: string, flag = '--model'): readonly string[] =>
      COMMANDS.find((c) => c.name === command)!.options.find((o) => o.flags.startsWith(`${flag} `))!.choices!;
    for (const command of ['plan', 'train']) {
      expect(choices(command, '--stream')).toEqual(STREAM_KINDS);
      expect(choices(command, '--memory')).toEqual(MEMORY_MODES);
    }
    expect([...choices('plan')].sort()).toEqual([...MODEL_KINDS].sort());
    expect([...choices('train')].sort()).toEqual(MODEL_KINDS.filter((kind) => !kind.endsWith('2d')).sort());
  });
});
