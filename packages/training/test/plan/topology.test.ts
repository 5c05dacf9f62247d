/** Topologies of nnU-Net's planner for well-known patches, and patches under a memory budget. */
import type { Triple } from '@revoxel/imaging';
import { describe, expect, it } from 'vitest';
import { initialPatch, planPatch, topologyFor } from '../../src/plan/topology.js';

describe('topologyFor', () => {
  it.each<[Triple, Triple, number, Triple]>([
    // spacing, patch, levels, divisor
    [[1, 1, 1], [128, 128, 128], 6, [32, 32, 32]],
    [[1, 1, 1], [40, 56, 40], 4, [8, 8, 8]],
    [[3, 0.8, 0.8], [20, 256, 224], 6, [4, 32, 32]],
    [[1, 1, 1], [8, 8, 8], 2, [2, 2, 2]],
    [[999, 1, 1], [1, 64, 64], 5, [1, 16, 16]],
  ])('spacing %j, patch %j', (spacing, patch, levels, divisor) => {
    const topology = topologyFor(spacing, patch);
    expect(topology.strides).toHaveLength(levels);
    expect(topology.kernels).toHaveLength(levels);
    expect(topology.divisor).toEqual(divisor);
    topology.patch.forEach((n, axis) => {
      expect(n % divisor[axis]!).toBe(0);
      expect(n - patch[axis]!).toBeLessThan(divisor[axis]!);
    });
  });

  it('does not halve or convolve along thick slices at first', () => {
    const { strides, kernels } = topologyFor([3, 0.8, 0.8], [20, 256, 224]);
    expect(strides.slice(0, 4)).toEqual([
      [1, 1, 1],
      [1, 2, 2],
      [2, 2, 2],
      [2, 2, 2],
    ]);
    expect(kernels.slice(0, 2)).toEqual([
      [1, 3, 3],
      [3, 3, 3],
    ]);
    expect(kernels.at(-1)).toEqual([3, 3, 3]);
  });

  it('grows a patch to what its halvings need', () => {
    expect(topologyFor([1, 1, 1], [35, 50, 35]).patch).toEqual([40, 56, 40]);
  });
});

it('refuses a patch that cannot be halved', () => {
  expect(() => topologyFor([1, 1, 1], [4, 4, 4])).toThrow(
    'Expected a size that can be halved once: at least 8 voxels along two axes, or 12 along one for `patch`, got [4, 4, 4]',
  );
});

describe('initialPatch', () => {
  it('is a box of equal physical edges, cut to the image', () => {
    expect(initialPatch([1, 1, 1], [500, 500, 500])).toEqual([256, 256, 256]);
    expect(initialPatch([4, 1, 1], [500, 600, 600])).toEqual([102, 406, 406]);
    expect(initialPatch([1, 1, 1], [35, 50, 35])).toEqual([35, 50, 35]);
  });
});

describe('planPatch', () => {
  const voxels = (t: { patch: Triple }): number => t.patch[0] * t.patch[1] * t.patch[2];

  it('takes the whole median image when it fits', () => {
    expect(planPatch([1, 1, 1], [35, 50, 35], 1e9, voxels).patch).toEqual([40, 56, 40]);
  });

  it('fits the budget, nearly fills it, and keeps to the proportions of the images', () => {
    const { patch } = planPatch([1, 1, 1], [300, 200, 200], 2e6, voxels);
    expect(voxels({ patch })).toBeLessThanOrEqual(2e6);
    expect(voxels({ patch })).toBeGreaterThan(1e6);
    expect(patch[0]).toBeGreaterThan(patch[1]);
  });

  it('says what would be enough when nothing fits', () => {
    expect(() => planPatch([1, 1, 1], [64, 64, 64], 100, (t) => voxels(t) * 1000)).toThrow(
      /^Expected at least \d+ MiB \(the smallest patch, \[8, 8, 8\]\) for `memoryBytes`, got 0 MiB$/,
    );
  });
});
