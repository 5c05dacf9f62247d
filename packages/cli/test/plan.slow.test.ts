/**
 * Planned bytes are what a step takes, on every backend that loads: the session's own mappings to the page, and the growth of
 * the whole process within the margin that `revoxel plan --measure` prints.
 */
import { listBackends } from '@revoxel/runtime';
import { rssLimit, type StepMeasurement } from '@revoxel/training';
import { describe, expect, it } from 'vitest';
import { revoxel } from './support/command.js';

const native = (await listBackends({ from: import.meta.url })).find((b) => b.name === 'cpu')!.available;

describe.each([
  ['unet3d', ['--channels', '8']],
  ['partially-reversible-unet3d', ['--channels', '16']],
  ['revunet3d', ['--channels', '8']],
  ['iunet3d', ['--channels', '8']],
  ['irevunet3d', ['--channels', '4', '--levels', '3']],
])('%s', (model, options) => {
  describe.each([
    ['cpu', '64,64,64'],
    ['typescript', '32,32,32'],
  ])('on %s', (profile, patch) => {
    it.skipIf(profile === 'cpu' && !native)('takes what was planned', async () => {
      const { code, stdout, stderr } = await revoxel(
        ...['plan', '--model', model, ...options, '--patch', patch, '--profile', profile, '--measure', '--json'],
      );
      expect(code, stderr).toBe(0);
      const { plans } = JSON.parse(stdout) as {
        plans: { memory: { mode: string; peakBytes: number }; measured: StepMeasurement }[];
      };
      expect(plans).toHaveLength(3);
      for (const { memory, measured: m } of plans) {
        expect(m.plannedBytes, memory.mode).toBe(memory.peakBytes);
        if (m.residentBytes !== null) expect(m.residentBytes, memory.mode).toBe(m.plannedBytes + m.otherBytes);
        // A session rounds its segments up to whole pages, and has two small blocks.
        expect(m.otherBytes, memory.mode).toBeLessThan(2 * 4096 + 1024);
        expect(m.rssGrowthBytes, memory.mode).toBeLessThanOrEqual(rssLimit(m.plannedBytes));
      }
    });
  });
});
