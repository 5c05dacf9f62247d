/** The addon in worker threads: loaded again beside the main thread's, and ended in the middle of a run. */

import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createBackend, liveBytes } from '../src/backend.js';
import { notBuilt, named } from './built.js';

const script = new URL('./use-in-worker.mjs', import.meta.url);
const packageBuilt = existsSync(fileURLToPath(new URL('../dist/index.js', import.meta.url)));

function start(mode: 'once' | 'forever'): Worker {
  return new Worker(script, { workerData: { mode } });
}

function message(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

describe.skipIf(notBuilt || !packageBuilt)(named('worker threads'), () => {
  it('load the addon twice, beside this thread', { timeout: 30_000 }, async () => {
    await createBackend();
    const workers = [start('once'), start('once')];
    const ended = Promise.all(workers.map((w) => new Promise((resolve) => w.once('exit', resolve))));
    expect(await Promise.all(workers.map(message))).toEqual([
      [0, 2],
      [0, 2],
    ]);
    expect(await ended).toEqual([0, 0]);
  });

  it('can be ended while a run is under way, and give their memory back', { timeout: 30_000 }, async () => {
    const before = liveBytes();
    const worker = start('forever');
    expect(await message(worker)).toBe('running');
    expect(liveBytes()).toBeGreaterThan(before);
    await worker.terminate();
    expect(liveBytes()).toBe(before);
  });
});
