/**
 * Descriptions of volumes: numbers by hand.
 */
import { describe as group, expect, it } from 'vitest';
import { describe, makeVolume } from '../src/index.js';
import { gridAffine } from './support/phantom.js';

group('describe', () => {
  it('tells size, place, type, range and labels', () => {
    const shape = [1, 2, 3] as const;
    const volume = makeVolume({
      data: Uint8Array.of(0, 1, 1, 4, 0, 0),
      shape,
      affine: gridAffine('LPI', shape, [4, 5, 10]),
    });
    const text = describe(volume);
    expect(text).toEqual({
      shape: [1, 2, 3],
      channels: 1,
      spacing: [4, 5, 10],
      extent: [4, 10, 30],
      orientation: 'LPI',
      type: 'uint8',
      min: 0,
      max: 4,
      mean: 1,
      nonFinite: 0,
      labels: [
        { label: 0, voxels: 3, ml: 3 * 0.2 },
        { label: 1, voxels: 2, ml: 2 * 0.2 },
        { label: 4, voxels: 1, ml: 0.2 },
      ],
    });
    expect(JSON.parse(JSON.stringify(text))).toEqual(text);
  });

  it('leaves values that are not finite out of the statistics', () => {
    const data = Float32Array.of(1, Number.NaN, 3, Infinity);
    expect(describe(makeVolume({ data, shape: [1, 2, 2] }))).toMatchObject({
      min: 1,
      max: 3,
      mean: 2,
      nonFinite: 2,
      labels: undefined,
    });
    expect(describe(makeVolume({ data: Float32Array.of(Number.NaN), shape: [1, 1, 1] })).mean).toBeNaN();
  });

  it('does not take a CT for labels', () => {
    const ct = new Int16Array(1000).map((_, i) => i - 500);
    expect(describe(makeVolume({ data: ct, shape: [10, 10, 10] })).labels).toBeUndefined();
    const spread = Int32Array.of(-2000000000, 2000000000);
    expect(describe(makeVolume({ data: spread, shape: [1, 1, 2] })).labels).toBeUndefined();
  });

  it('copes with 64-bit labels', () => {
    const labels = makeVolume({ data: BigInt64Array.of(2n, 0n), shape: [1, 1, 2] });
    expect(describe(labels).labels?.map((l) => l.label)).toEqual([0, 2]);
  });
});
