/** Keep, recompute and invert on the backends of this package: same bits, exact inversion, checksums that trip. */

import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backend/reference/backend.js';
import { createTypescriptBackend } from '../../src/backend/typescript/backend.js';
import { compile } from '../../src/compile.js';
import {
  checkChecksumTrips,
  checkExactInverse,
  checkSameBits,
  DEEP_NETS,
  EXACT_NETS,
  runNet,
  sameBits,
} from '../../src/testing/check-memory.js';
import { reversibleNet, type NetOptions } from '../../src/testing/reversible-net.js';

const BACKENDS = [createReferenceBackend(), createTypescriptBackend({ threads: 2 })];

describe.each(BACKENDS.map((b) => [b.name, b] as const))('%s', (_, backend) => {
  it.each(EXACT_NETS)('%s: every memory choice gives the bits of keep', { timeout: 30_000 }, async (_name, options) => {
    expect(await checkSameBits(backend, options)).toEqual([]);
  });

  it.each(DEEP_NETS)('64 blocks forward and back, %s', { timeout: 30_000 }, async (_name, options) => {
    expect(await checkExactInverse(backend, options)).toEqual([]);
  });

  it.each(['q16', 'q32'] as const)('%s: a flipped weight stops the step', { timeout: 60_000 }, async (stream) => {
    expect(await checkChecksumTrips(backend, stream)).toEqual([]);
  });

  it.each(['f32', 'bf16'] as const)(
    '%s stream: recompute gives the bits of keep, invert warns',
    { timeout: 30_000 },
    async (stream) => {
      const options: NetOptions = { stream, middle: 'pool', dropout: 0.2 };
      const graph = reversibleNet(options);
      const want = await runNet(backend, graph, options, { memory: 'keep', cheap: false });
      const again = await runNet(backend, graph, options, { memory: 'recompute' });
      for (const name of Object.keys(want)) expect(sameBits(again[name]!, want[name]!), name).toBe(true);
      const rebuilt = await runNet(backend, graph, options, { memory: 'invert' });
      expect(rebuilt['0/loss']).toEqual(want['0/loss']);
      expect(compile(graph, backend.profile, { memory: 'invert' }).choice!.warnings.join()).toMatch(/float stream/);
    },
  );
});
