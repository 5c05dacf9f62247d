/** The doctor: what it advises for machines that are not this one, and that it reports on this one. */
import type { BackendListing } from '@revoxel/runtime';
import { describe, expect, it } from 'vitest';
import { adviceFor } from '../src/doctor/advice.js';
import { revoxel } from './support/command.js';

const tools = (...names: string[]) =>
  ['g++', 'clang++', 'make', 'python3'].map((name) => ({ name, version: names.includes(name) ? '1.0' : undefined }));
const cpu = (more: Partial<BackendListing> = {}): BackendListing => ({
  name: 'cpu',
  available: false,
  reason: 'the addon is not built',
  remedy: 'npx nx run-many -t build:native',
  facts: {},
  ...more,
});
const oneDnn = { header: '/usr/include/dnnl.hpp', library: '/usr/lib/libdnnl.so.2' };
const nothing = { header: undefined, library: undefined };

describe('adviceFor', () => {
  it('asks for a compiler first, then for the build', () => {
    expect(adviceFor({ tools: tools('make'), oneDnn }, [cpu()], 'apt-get').map((a) => a.command)).toEqual([
      'apt-get install g++ python3',
      'npx nx run-many -t build:native',
    ]);
    expect(adviceFor({ tools: tools(), oneDnn }, [cpu()], 'dnf')[0]!.command).toBe('dnf install gcc-c++ make python3');
    expect(adviceFor({ tools: tools(), oneDnn }, [cpu()], 'brew')[0]!.command).toBe('brew install gcc make python');
  });

  it('only asks for the build when the tools are there', () => {
    expect(adviceFor({ tools: tools('clang++', 'make', 'python3'), oneDnn }, [cpu()], 'apt-get')).toEqual([
      { problem: 'native CPU backend: the addon is not built', command: 'npx nx run-many -t build:native' },
    ]);
  });

  it('says what oneDNN would add, and when a build does not use it', () => {
    const built = cpu({ available: true, facts: { oneDNN: 'not built in' } });
    expect(adviceFor({ tools: tools('g++', 'make', 'python3'), oneDnn: nothing }, [built], 'apt-get')[0]).toMatchObject(
      { command: 'apt-get install libdnnl-dev && npx nx run-many -t build:native' },
    );
    expect(adviceFor({ tools: tools('g++', 'make', 'python3'), oneDnn }, [built], 'apt-get')[0]).toMatchObject({
      problem: 'oneDNN is installed, the native backend was built without it',
    });
  });

  it('is silent when all is well', () => {
    expect(
      adviceFor(
        { tools: tools('g++', 'make', 'python3'), oneDnn },
        [cpu({ available: true, facts: { oneDNN: '2.6.3' } })],
        'apt-get',
      ),
    ).toEqual([]);
  });
});

describe('revoxel doctor', { timeout: 30_000 }, () => {
  it('reports on this machine', async () => {
    const { code, stdout, stderr } = await revoxel('doctor');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    for (const part of [
      'node ',
      'processor ',
      'threads ',
      'instruction sets ',
      'memory ',
      'g++ ',
      'oneDNN headers ',
      'GPU driver ',
      'backends',
      '  yes typescript',
      '  yes reference',
    ]) {
      expect(stdout).toContain(`${part}`);
    }
  });

  it('gives the same as JSON', async () => {
    const { stdout } = await revoxel('doctor', '--json');
    const report = JSON.parse(stdout) as { node: string; backends: BackendListing[]; cpu: { threads: number } };
    expect(report.node).toBe(process.version);
    expect(report.backends.map((b) => b.name)).toEqual(expect.arrayContaining(['cpu', 'typescript', 'reference']));
    expect(report.cpu.threads).toBeGreaterThan(0);
    expect(stdout.trimEnd()).not.toContain('\n');
  });
});
