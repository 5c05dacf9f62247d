/** The largest cube: what is found fits, the next size does not, and a leaner choice is never worse. */
import { compile, referenceProfile, type MemoryMode } from '@revoxel/runtime';
import { trainingStep } from '@revoxel/models';
import { describe, expect, it } from 'vitest';
import { CubeSearch, type CubeProgram } from '../../src/plan/largest-cube.js';

const program: CubeProgram = {
  model: { kind: 'partially-reversible-unet3d', classes: 2, baseChannels: 4, levels: 2 },
  inChannels: 1,
  batch: 1,
  rank: 3,
};
const budget = 3 * 2 ** 20;
const peak = (edge: number, memory: 'keep' | 'recompute' | 'invert'): number =>
  compile(trainingStep({ ...program, patch: [edge, edge, edge] }), referenceProfile, { memory }).memory.peakBytes;

describe('CubeSearch', { timeout: 60_000 }, () => {
  it('finds the last multiple that fits', async () => {
    const search = new CubeSearch(program, referenceProfile, budget);
    for (const memory of ['keep', 'recompute', 'invert'] as const) {
      const edge = (await search.edge(memory))!;
      expect(edge % 2).toBe(0);
      expect(peak(edge, memory)).toBeLessThanOrEqual(budget);
      expect(peak(edge + 2, memory)).toBeGreaterThan(budget);
    }
  });

  it('never finds less with auto than with a fixed choice, exact streams given', async () => {
    const search = new CubeSearch(program, referenceProfile, budget);
    const edge = async (memory: MemoryMode): Promise<number> => (await search.edge(memory)) ?? 0;
    const auto = await edge('auto');
    for (const memory of ['keep', 'recompute', 'invert'] as const)
      expect(auto).toBeGreaterThanOrEqual(await edge(memory));
    expect(await edge('invert')).toBeGreaterThan(await edge('keep'));
  });

  it('says when nothing fits, and stops when told to', async () => {
    expect(await new CubeSearch(program, referenceProfile, 1000).edge('keep')).toBeNull();
    expect(await new CubeSearch(program, referenceProfile, 1000).edge('auto')).toBeNull();
    const stopped = AbortSignal.abort(new Error('stop'));
    await expect(new CubeSearch(program, referenceProfile, budget, stopped).edge('keep')).rejects.toThrow('stop');
  });

  it('knows networks for slices, and steps that differ by axis', async () => {
    const flat: CubeProgram = {
      ...program,
      model: { kind: 'iunet2d', classes: 2, baseChannels: 8, levels: 3 },
      rank: 2,
    };
    const square = (await new CubeSearch(flat, referenceProfile, budget).edge('keep'))!;
    expect(square % 4).toBe(0);
    const uneven: CubeProgram = {
      ...program,
      model: { kind: 'unet3d', classes: 2, baseChannels: 4, levels: 2, strides: [1, [1, 2, 3]] },
    };
    expect((await new CubeSearch(uneven, referenceProfile, budget).edge('keep'))! % 6).toBe(0);
  });
});
