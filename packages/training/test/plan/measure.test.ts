/** Measuring a step: the numbers are those of the plan and of this process. How tight they are is the slow test's business. */
import { trainingStep } from '@revoxel/models';
import { compile, loadBackend } from '@revoxel/runtime';
import { describe, expect, it } from 'vitest';
import { measureStep, rssLimit } from '../../src/plan/measure.js';

const backend = await loadBackend('typescript');
const plan = compile(
  trainingStep({
    model: { kind: 'revunet3d', classes: 3, baseChannels: 4, levels: 2 },
    inChannels: 1,
    batch: 1,
    patch: [8, 8, 8],
    optimizer: { kind: 'adamw' },
  }),
  backend.profile,
  { memory: 'invert' },
);

describe('measureStep', { timeout: 30_000 }, () => {
  it('says what was planned and what was seen', async () => {
    const measured = await measureStep(plan, backend, 3);
    expect(measured).toEqual({
      plannedBytes: expect.any(Number),
      otherBytes: expect.any(Number),
      residentBytes: null,
      rssGrowthBytes: expect.any(Number),
      secondsPerStep: expect.any(Number),
    });
    expect(measured.plannedBytes).toBe(plan.memory.peakBytes);
    expect(measured.secondsPerStep).toBeGreaterThan(0);
  });

  it('runs nothing that the machine has no memory for', async () => {
    const huge = { ...plan, memory: { ...plan.memory, peakBytes: 2 ** 50 } };
    await expect(measureStep(huge, backend, 3)).rejects.toMatchObject({
      code: 'ERR_OUT_OF_MEMORY',
      neededBytes: rssLimit(2 ** 50),
      message: expect.stringMatching(/nothing was run; measure a smaller patch or another memory choice$/),
    });
  });
});
