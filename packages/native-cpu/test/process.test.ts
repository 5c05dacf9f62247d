/** What needs a process of its own: the memory of the whole process, and other instruction sets. */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { probe } from '../src/backend.js';
import { notBuilt, named } from './built.js';

const packageBuilt = existsSync(fileURLToPath(new URL('../dist/index.js', import.meta.url)));
const script = fileURLToPath(new URL('./use-in-process.mjs', import.meta.url));

async function run(mode: string, env: Record<string, string> = {}): Promise<Record<string, unknown>> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script, mode], {
    env: { ...process.env, ...env },
  });
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe.skipIf(notBuilt || !packageBuilt)(named('a process'), () => {
  it('grows by what was planned and little more', { timeout: 60_000 }, async () => {
    const { plannedBytes, rssBefore, rssAfter } = (await run('memory')) as {
      plannedBytes: number;
      rssBefore: number;
      rssAfter: number;
    };
    expect(plannedBytes).toBeGreaterThan(150 * 2 ** 20);
    expect(rssAfter - rssBefore).toBeLessThanOrEqual(plannedBytes * 1.02 + 48 * 2 ** 20);
    // The memory is there, not just promised.
    expect(rssAfter - rssBefore).toBeGreaterThan(plannedBytes * 0.95);
  });

  const levels = ['portable', 'avx2', 'avx512'];
  const best = levels.indexOf(probe().facts['isa'] ?? 'portable');
  for (const isa of levels.slice(0, Math.max(best, 0))) {
    it(`computes convolutions with ${isa} as well`, { timeout: 60_000 }, async () => {
      expect(await run('convolutions', { REVOXEL_ISA: isa })).toEqual({ isa, failures: '' });
    });
  }
});
