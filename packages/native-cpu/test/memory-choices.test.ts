/** Keep, recompute and invert on this backend: same bits, exact inversion through deep chains, checksums that trip. */
import {
  checkChecksumTrips,
  checkExactInverse,
  checkSameBits,
  DEEP_NETS,
  EXACT_NETS,
  measureDrift,
} from '@revoxel/runtime/testing';
import { describe, expect, it } from 'vitest';
import { createBackend } from '../src/backend.js';
import { named, notBuilt } from './built.js';

const backend = notBuilt ? undefined : await createBackend({ threads: 2 });

describe.skipIf(notBuilt)(named('memory choices'), () => {
  it.each(EXACT_NETS)('%s: every memory choice gives the bits of keep', { timeout: 30_000 }, async (_name, options) => {
    expect(await checkSameBits(backend!, options)).toEqual([]);
    expect(await checkSameBits(backend!, { ...options, size: (options.size ?? [8, 8, 8]).map((s) => s + 2) })).toEqual(
      [],
    );
  });

  // Larger than the reference could take: threads share the work.
  const deep = DEEP_NETS.map(
    ([name, options]) => [name, { ...options, size: [6, 7, 8], pieces: [5, 8] as const }] as const,
  );
  it.each(deep)('64 blocks forward and back, %s', { timeout: 30_000 }, async (_name, options) => {
    expect(await checkExactInverse(backend!, options)).toEqual([]);
  });

  it.each(['q16', 'q32'] as const)('%s: a flipped weight stops the step', { timeout: 60_000 }, async (stream) => {
    expect(await checkChecksumTrips(backend!, stream)).toEqual([]);
  });

  // The published figures (docs/reversible.md#drift); floats within a factor of three upwards, fixed point exact.
  it.each([
    ['f32', 'f32', 16, 2e-6, 2e-3],
    ['f32', 'bf16', 16, 0.014, 0.077],
    ['bf16', 'bf16', 16, 0.084, 0.2],
    ['q16', 'bf16', 64, 0, 0],
    ['q32', 'f32', 64, 0, 0],
  ] as const)(
    'drift: %s stream, %s inside, %i blocks',
    { timeout: 60_000 },
    async (stream, precision, blocks, state, gradient) => {
      const drift = await measureDrift(backend!, { stream, precision, blocks });
      expect(drift.state).toBeLessThanOrEqual(3 * state);
      expect(drift.gradient).toBeLessThanOrEqual(3 * gradient);
    },
  );
});
