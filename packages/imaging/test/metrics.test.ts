/**
 * Metrics: counts by hand, by brute force, and the conventions for empty and ignored labels.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { confusion, countLabels, dice, iou, makeVolume, meanOf, scoreLabels, voxelMl } from '../src/index.js';
import type { LabelOrRegion } from '../src/index.js';

describe('confusion', () => {
  it('counts by hand', () => {
    const p = Uint8Array.of(0, 1, 1, 2, 2, 0);
    const r = Uint8Array.of(0, 1, 2, 2, 2, 1);
    expect(confusion(p, r)).toEqual([
      { label: 1, truePositive: 1, falsePositive: 1, falseNegative: 1, trueNegative: 3 },
      { label: 2, truePositive: 2, falsePositive: 0, falseNegative: 1, trueNegative: 3 },
    ]);
  });

  it('equals brute force for labels and regions, with and without an ignore label, in any type', () => {
    const map = fc.array(fc.integer({ min: -1, max: 4 }), { minLength: 30, maxLength: 30 });
    fc.assert(
      fc.property(map, map, fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined }), (p, r, ignoreLabel) => {
        const labels: LabelOrRegion[] = [1, 2, 7, -1, 0, [1, 2], [3, 9], []];
        const options = ignoreLabel === undefined ? { labels } : { labels, ignoreLabel };
        const expected = labels.map((label) => {
          const has = (v: number): boolean => (typeof label === 'number' ? v === label : label.includes(v));
          const counts = { truePositive: 0, falsePositive: 0, falseNegative: 0, trueNegative: 0 };
          p.forEach((a, i) => {
            const b = r[i]!;
            if (b === ignoreLabel) return;
            if (has(a) && has(b)) counts.truePositive++;
            else if (has(a)) counts.falsePositive++;
            else if (has(b)) counts.falseNegative++;
            else counts.trueNegative++;
          });
          return { label, ...counts };
        });
        expect(confusion(Int8Array.from(p), Float32Array.from(r), options)).toEqual(expected);
        expect(confusion(BigInt64Array.from(p, BigInt), Int32Array.from(r), options)).toEqual(expected);
      }),
      { seed: 3, numRuns: 100 },
    );
  });

  it('refuses lengths that differ and values that are no labels', () => {
    expect(() => confusion(new Uint8Array(2), new Uint8Array(3))).toThrow(/2 voxels, reference 3/);
    expect(() => confusion(Float32Array.of(0.5), Float32Array.of(1))).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: Expected integer labels for \`prediction\`, got 0.5 at voxel 0]`,
    );
    expect(() => confusion(Float32Array.of(1), Float32Array.of(Number.NaN))).toThrow(/integer labels/);
    expect(() => confusion(Int32Array.of(2 ** 30), Int32Array.of(1))).toThrow(/range/);
  });
});

describe('scores', () => {
  const one = (p: number[], r: number[], options = {}): ReturnType<typeof scoreLabels> =>
    scoreLabels(
      makeVolume({ data: Uint8Array.from(p), shape: [1, 1, p.length], spacing: [2, 5, 10] }),
      makeVolume({ data: Uint8Array.from(r), shape: [1, 1, r.length], spacing: [2, 5, 10] }),
      options,
    );

  it('Dice, IoU, voxels and mL', () => {
    const [score] = one([1, 1, 0, 0], [1, 0, 1, 1]);
    expect(score).toMatchObject({ dice: 2 / 5, iou: 1 / 4, predictionVoxels: 2, referenceVoxels: 3 });
    expect(score!.predictionMl).toBeCloseTo(0.2, 12);
    expect(score!.referenceMl).toBeCloseTo(0.3, 12);
    expect(voxelMl(makeVolume({ data: new Uint8Array(1), shape: [1, 1, 1], spacing: [2, 5, 10] }))).toBeCloseTo(
      0.1,
      12,
    );
  });

  it('in neither map: NaN, or what is asked for; in one map: 0', () => {
    const [absent, invented, missed] = one([2, 0], [0, 3], { labels: [1, 2, 3] });
    expect(absent).toMatchObject({ dice: Number.NaN, iou: Number.NaN });
    expect(invented).toMatchObject({ dice: 0, iou: 0 });
    expect(missed).toMatchObject({ dice: 0, iou: 0 });
    expect(one([0], [0], { labels: [1], emptyValue: 1 })[0]).toMatchObject({ dice: 1, iou: 1 });
    const empty = { label: 1, truePositive: 0, falsePositive: 0, falseNegative: 0, trueNegative: 9 };
    expect([dice(empty), dice(empty, 1), iou(empty), iou(empty, 1)]).toEqual([Number.NaN, 1, Number.NaN, 1]);
  });

  it('means skip NaN', () => {
    expect(meanOf([0.5, Number.NaN, 1])).toBe(0.75);
    expect(meanOf([Number.NaN])).toBeNaN();
    expect(meanOf([])).toBeNaN();
  });

  it('refuse another grid and more than one channel', () => {
    const a = makeVolume({ data: new Uint8Array(4), shape: [1, 2, 2] });
    expect(() => scoreLabels(a, makeVolume({ data: new Uint8Array(4), shape: [1, 1, 4] }))).toThrow(
      /\[1, 2, 2\] and \[1, 1, 4\] differ/,
    );
    const two = makeVolume({ data: new Uint8Array(8), channels: 2, shape: [1, 2, 2] });
    expect(() => scoreLabels(two, a)).toThrow(/prediction has 2 channels/);
  });
});

describe('countLabels', () => {
  it('counts every value, ascending', () => {
    expect([...countLabels(Int16Array.of(3, -1, 0, 3, 3))]).toEqual([
      [-1, 1],
      [0, 1],
      [3, 3],
    ]);
    expect([...countLabels(BigUint64Array.of(5n, 5n))]).toEqual([[5, 2]]);
  });
});
