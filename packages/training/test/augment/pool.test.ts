import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Triple } from '@revoxel/imaging';
import { afterEach, describe, expect, it } from 'vitest';
import { defaultAugmentation } from '../../src/augment/options.js';
import type { AugmentOptions } from '../../src/augment/options.js';
import { createBatchPool } from '../../src/augment/pool.js';
import type { Batch, BatchPool, PoolOptions } from '../../src/augment/pool.js';
import { randomCase } from './cases.js';

const patch: Triple = [8, 10, 12];
const cases = [randomCase('a', [12, 14, 16], 2, 1), randomCase('b', [7, 20, 13], 2, 2)];
const options: PoolOptions = { patch, batch: 3, seed: 5, augment: defaultAugmentation(patch) };

const pools: BatchPool[] = [];
function open(extra: Partial<PoolOptions>): BatchPool {
  const pool = createBatchPool(cases, { ...options, ...extra });
  pools.push(pool);
  return pool;
}
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.dispose()));
});

/** A batch as a value: hashes compare thousands of voxels at once. */
const copy = ({ step, image, label, caseIds }: Batch): { step: number; bits: string; caseIds: string[] } => ({
  step,
  bits: createHash('sha256')
    .update(Buffer.from(image.buffer, image.byteOffset, image.byteLength))
    .update(label)
    .digest('hex'),
  caseIds: [...caseIds],
});

// Starting threads takes long on a busy machine.
describe('createBatchPool', { timeout: 60_000 }, () => {
  it('gives the same bits with 0, 1 and 2 workers, in any order of steps', async () => {
    const steps = [0, 1, 2, 3, 4, 5, 6, 7, 100, 101, 3, 4, 4_000_000_000];
    const runs = [];
    for (const extra of [{ workers: 0 }, { workers: 1 }, { workers: 2 }, { workers: 2, prefetch: 1 }]) {
      const pool = open(extra);
      const batches = [];
      for (const step of steps) batches.push(copy(await pool.next(step)));
      runs.push(batches);
      await pool.dispose();
    }
    expect(runs[0]!.map((b) => b.step)).toEqual(steps);
    expect(runs[0]![10]).toEqual(runs[0]![3]);
    expect(new Set(runs[0]!.map((b) => b.bits)).size).toBe(new Set(steps).size);
    for (const run of runs.slice(1)) expect(run).toEqual(runs[0]);
    expect(new Set(runs[0]!.flatMap((b) => b.caseIds))).toEqual(new Set(['a', 'b']));
  });

  it('goes on with the next step when none is named', async () => {
    for (const workers of [0, 1]) {
      const pool = open({ workers });
      expect((await pool.next(7)).step).toBe(7);
      expect((await pool.next()).step).toBe(8);
    }
  });

  it('keeps a batch while the next one is made and used', async () => {
    for (const workers of [0, 2]) {
      const pool = open({ workers, prefetch: 2 });
      for (let step = 0; step < 12; step++) {
        const first = await pool.next(step);
        const kept = copy(first);
        await pool.next(step + 1);
        // Time for workers to run as far ahead as they may.
        await new Promise((resolve) => setTimeout(resolve, 20));
        expect(copy(first)).toEqual(kept);
        step++;
      }
    }
  });

  it('hands a worker error to the caller with its stack', async () => {
    const pool = open({
      workers: 1,
      augment: { rotation: { probability: 1, degrees: [0, 0, 0] } } as unknown as AugmentOptions,
    });
    const error = await pool.next(0).catch((e: unknown) => e as Error);
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).toMatch(
      /^augmentation of step 0, sample \d failed: Cannot read properties of undefined/,
    );
    expect(((error as Error).cause as Error).stack).toMatch(/makeSample[\s\S]*worker\.js/);
    expect(((error as Error).cause as Error).name).toBe('TypeError');
  });

  it('rejects a waiting call when disposed, and any call after', async () => {
    const pool = open({ workers: 1, batch: 64 });
    const waiting = pool.next(0).catch((e: unknown) => String(e));
    await pool.dispose();
    expect(await waiting).toMatch(/batch pool: disposed/);
    await expect(pool.next(1)).rejects.toThrow('batch pool: disposed');
    expect(pool.disposed).toBe(true);
    await pool.dispose();
    const local = open({ workers: 0 });
    await local.dispose();
    await expect(local.next(0)).rejects.toThrow('batch pool: disposed');
  });

  it('refuses settings and steps that cannot work', async () => {
    expect(() => open({ workers: -1 })).toThrow(/`workers`, got -1/);
    expect(() => open({ prefetch: 0 })).toThrow(/`prefetch`, got 0/);
    expect(() => open({ seed: 0.5 })).toThrow(/`seed`, got 0.5/);
    const pool = open({ workers: 0 });
    await expect(pool.next(-1)).rejects.toThrow(/`step`, got -1/);
  });

  it('does not keep the process alive when forgotten, and does while waiting', () => {
    const dist = new URL('../../dist/index.js', import.meta.url).href;
    const script = `
      import { createBatchPool } from ${JSON.stringify(dist)};
      const source = { id: 'a', channels: 1, shape: [4, 4, 4], image: new Float32Array(64).fill(1), label: new Uint8Array(64), locations: [] };
      const pool = createBatchPool([source], { patch: [2, 2, 2], batch: 2, seed: 1, workers: 1 });
      const batch = await pool.next(0);
      console.log(batch.image.join(' '));
    `;
    const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      timeout: 20_000,
      encoding: 'utf8',
    });
    expect(out.trim()).toBe(new Array(16).fill('1').join(' '));
  });

  it.runIf(process.platform === 'linux')('runs workers at a lower priority than the caller', async () => {
    const nice = (): number[] =>
      readdirSync('/proc/self/task').map((id) =>
        Number(
          readFileSync(`/proc/self/task/${id}/stat`, 'utf8')
            .replace(/^.*\) /, '')
            .split(' ')[16],
        ),
      );
    const before = nice();
    const pool = open({ workers: 1 });
    await pool.next(0);
    const after = nice();
    expect(after.filter((n) => n >= Math.min(...before) + 5).length).toBeGreaterThan(
      before.filter((n) => n >= Math.min(...before) + 5).length,
    );
    expect(Math.min(...after)).toBe(Math.min(...before));
  });
});

it('has a compiled worker to run', () => {
  expect(readFileSync(fileURLToPath(new URL('../../dist/augment/worker.js', import.meta.url)), 'utf8')).toContain(
    'makeSampleInto',
  );
});
