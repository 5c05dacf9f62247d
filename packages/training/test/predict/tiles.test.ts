/** Tile positions and weights against nnU-Net's numbers. */
import { describe, expect, it } from 'vitest';
import { gaussianWeights, tileStarts, weightSums } from '../../src/predict/tiles.js';

describe('tileStarts', () => {
  it.each([
    [110, 64, [0, 23, 46]],
    [482, 128, [0, 59, 118, 177, 236, 295, 354]],
    [129, 128, [0, 1]],
    [200, 128, [0, 36, 72]],
    [64, 64, [0]],
  ])('%i voxels, tiles of %i', (size, tile, starts) => {
    expect(tileStarts(size, tile)).toEqual(starts);
  });

  it('covers every voxel at every step', () => {
    for (const step of [0.25, 0.5, 0.9, 1]) {
      for (let size = 17; size < 60; size++) {
        const covered = new Uint8Array(size);
        for (const start of tileStarts(size, 17, step)) covered.fill(1, start, start + 17);
        expect(covered.every((c) => c === 1)).toBe(true);
      }
    }
  });

  it('refuses tiles larger than the image and steps of nothing', () => {
    expect(() => tileStarts(10, 11)).toThrow("Expected at least the tile's 11 voxels for `size`, got 10");
    expect(() => tileStarts(10, 10, 0)).toThrow('Expected a number above 0 and at most 1 for `step`, got 0');
  });
});

describe('gaussianWeights', () => {
  it('is the importance map of nnU-Net, up to its factor', () => {
    const row = gaussianWeights(12);
    // The centre lies at [6, 6, 6]; the row through [0, ...] of the published map is scaled by 10 * exp(-8) on the other axes.
    [0.00335463, 0.0386592, 0.285655, 1.353353].forEach((v, x) => expect(10 * row[x]!).toBeCloseTo(v, 5));
    expect(row[6]).toBe(1);
    expect(10 * gaussianWeights(128)[0]! ** 3).toBeCloseTo(3.8e-10, 11);
  });

  it('adds up over tiles', () => {
    const w = gaussianWeights(4);
    expect(Array.from(weightSums(6, [0, 2], w))).toEqual([w[0], w[1], w[2]! + w[0]!, w[3]! + w[1]!, w[2], w[3]]);
  });
});
