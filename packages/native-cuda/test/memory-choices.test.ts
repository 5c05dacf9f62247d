/** Keep, recompute and invert on this backend: same bits, exact inversion through deep chains, checksums that trip. */
import { checkChecksumTrips, checkExactInverse, checkSameBits, DEEP_NETS, EXACT_NETS } from '@revoxel/runtime/testing';
import { describe, expect, it } from 'vitest';
import { createBackend } from '../src/backend.js';
import { named, notBuilt } from './built.js';

const backend = notBuilt ? undefined : await createBackend({ emulated: true });

describe.skipIf(notBuilt)(named('memory choices'), () => {
  it.each(EXACT_NETS)(
    '%s: every memory choice gives the bits of keep',
    { timeout: 120_000 },
    async (_name, options) => {
      expect(await checkSameBits(backend!, options)).toEqual([]);
    },
  );

  it.each(DEEP_NETS)('64 blocks forward and back, %s', { timeout: 120_000 }, async (_name, options) => {
    expect(await checkExactInverse(backend!, options)).toEqual([]);
  });

  it.each(['q16', 'q32'] as const)('%s: a flipped weight stops the step', { timeout: 120_000 }, async (stream) => {
    expect(await checkChecksumTrips(backend!, stream)).toEqual([]);
  });
});
