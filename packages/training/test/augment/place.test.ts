import type { Triple } from '@revoxel/imaging';
import { describe, expect, it } from 'vitest';
import { defaultAugmentation, fieldSize } from '../../src/augment/options.js';
import { isForced, placePatch } from '../../src/augment/place.js';
import { Random } from '../../src/data/random.js';
import { randomCase } from './cases.js';

describe('fieldSize', () => {
  // nnU-Net's load sizes, specification section 6.4.
  it.each([
    [
      [128, 128, 128],
      [205, 205, 205],
    ],
    [
      [96, 160, 160],
      [191, 257, 219],
    ],
    [
      [20, 256, 224],
      [20, 301, 301],
    ],
    [
      [48, 192, 192],
      [48, 225, 225],
    ],
    [
      [1, 512, 512],
      [1, 602, 602],
    ],
    [
      [1, 320, 192],
      [1, 422, 225],
    ],
  ] as const)('of %o is %o', (patch, field) => {
    expect(fieldSize(patch, defaultAugmentation(patch))).toEqual(field);
    expect(fieldSize(patch, undefined)).toEqual(patch);
  });
});

describe('isForced', () => {
  it.each([
    [2, [1]],
    [4, [3]],
    [9, [6, 7, 8]],
    [12, [8, 9, 10, 11]],
  ])('takes the last third of a batch of %i', (batch, expected) => {
    const forced = Array.from({ length: batch }, (_, j) => j).filter((j) =>
      isForced(j, batch, 0.33, new Random({ seed: 1 })),
    );
    expect(forced).toEqual(expected);
  });

  it('forces a batch of one with that probability', () => {
    const random = new Random({ seed: 1 });
    let forced = 0;
    for (let i = 0; i < 3000; i++) if (isForced(0, 1, 0.33, random)) forced++;
    expect(forced / 3000).toBeGreaterThan(0.3);
    expect(forced / 3000).toBeLessThan(0.36);
  });
});

describe('placePatch', () => {
  const source = randomCase('a', [20, 30, 40], 1, 1);

  /** Least and greatest start seen per axis over many draws. */
  function extremes(patch: Triple, field: Triple): [number, number][] {
    const seen: [number, number][] = [
      [Infinity, -Infinity],
      [Infinity, -Infinity],
      [Infinity, -Infinity],
    ];
    for (let step = 0; step < 4000; step++) {
      const start = placePatch(source, patch, field, false, new Random({ seed: 5, step }));
      start.forEach((s, axis) => {
        seen[axis] = [Math.min(seen[axis]![0], s), Math.max(seen[axis]![1], s)];
      });
    }
    return seen;
  }

  it('reaches every place inside and none outside when the field is the patch', () => {
    expect(extremes([8, 10, 30], [8, 10, 30])).toEqual([
      [0, 12],
      [0, 20],
      [0, 10],
    ]);
  });

  it('keeps patches on the image when the field is larger', () => {
    // need = 6, so fields start at -3 ... 20 + 3 - 14 = 9, patches 3 later.
    expect(extremes([8, 10, 30], [14, 10, 30])[0]).toEqual([0, 12]);
    // An image smaller than the patch: all of it, with the missing voxels on both sides.
    expect(extremes([26, 10, 30], [26, 10, 30])[0]).toEqual([-3, -3]);
    expect(extremes([25, 10, 30], [25, 10, 30])[0]).toEqual([-3, -3 + 1]);
  });

  it('centres forced patches on a voxel of each class equally often, never beyond the lower bound', () => {
    const patch: Triple = [6, 6, 6];
    const counts = [0, 0, 0];
    const n = 4000;
    for (let step = 0; step < n; step++) {
      const start = placePatch(source, patch, patch, true, new Random({ seed: 6, step }));
      expect(Math.min(...start)).toBeGreaterThanOrEqual(0);
      const [d, h, w] = start.map((s) => s + 3) as [number, number, number];
      // Classes lie at d >= 10, h < 15 and w < 14 or w > 20: where no clamping happened the centre has the class itself.
      if (h > 3 && w > 3) counts[source.label[(d * 30 + h) * 40 + w]!]!++;
    }
    expect(counts[0]).toBe(0);
    const total = counts[1]! + counts[2]!;
    // Not clamped: 11 of 15 rows for both; 10 of 14 columns for class 1, all for class 2.
    const expected = 10 / 14 / (10 / 14 + 1);
    expect(Math.abs(counts[1]! / total - expected)).toBeLessThan(5 * Math.sqrt((expected * (1 - expected)) / total));
  });

  it('falls back to a uniform place in a case without foreground', () => {
    const empty = { ...source, locations: [new Uint32Array(0), new Uint32Array(0)] };
    const random = (): Random => new Random({ seed: 7, step: 3 });
    expect(placePatch(empty, [6, 6, 6], [6, 6, 6], true, random())).toEqual(
      placePatch(empty, [6, 6, 6], [6, 6, 6], false, random()),
    );
  });
});
