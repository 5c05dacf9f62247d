/**
 * Normalisation: the formulas on small numbers worked out by hand, properties on random ones.
 */
import { describe, expect, it } from 'vitest';
import { makeVolume, normalisationKindFor, normalise } from '../src/index.js';
import type { Normalisation } from '../src/index.js';
import { expectAllclose } from './support/allclose.js';
import { uniform } from './support/phantom.js';

const run = (values: number[], scheme: Normalisation, mask?: number[]): number[] => [
  ...normalise(makeVolume({ data: Float32Array.from(values), shape: [1, 1, values.length] }), [scheme], mask).data,
];

describe('normalise', () => {
  it('zscore: population standard deviation', () => {
    expectAllclose(run([2, 4, 4, 4, 5, 5, 7, 9], { kind: 'zscore' }), [-1.5, -0.5, -0.5, -0.5, 0, 0, 1, 2], {
      atol: 1e-7,
    });
  });

  it('zscore with a mask: statistics and change inside alone; 0 counts as inside, -1 does not', () => {
    expectAllclose(run([1, 3, 100, 0], { kind: 'zscore', useMask: true }, [0, 2, -1, -1]), [-1, 1, 100, 0]);
    expectAllclose(run([1, 3, 100, 0], { kind: 'zscore', useMask: true }, [-1, -1, -1, -1]), [1, 3, 100, 0]);
  });

  it('zscore of a constant is 0, whatever its offset', () => {
    expect(run([5, 5, 5], { kind: 'zscore' })).toEqual([0, 0, 0]);
  });

  it('zscore is exact for a large offset', () => {
    const random = uniform(5);
    const values = Array.from({ length: 1000 }, () => 1e5 + Math.round(random() * 64) / 8);
    const out = run(values, { kind: 'zscore' });
    const mean = out.reduce((a, b) => a + b, 0) / out.length;
    const variance = out.reduce((a, b) => a + (b - mean) ** 2, 0) / out.length;
    expect(Math.abs(mean)).toBeLessThan(1e-6);
    expect(Math.abs(variance - 1)).toBeLessThan(1e-6);
  });

  it('ct: clips, then uses the given numbers', () => {
    const scheme = { kind: 'ct', lower: -100, upper: 300, mean: 100, std: 50 } as const;
    expectAllclose(run([-1000, -100, 100, 150, 3000], scheme), [-4, -4, 0, 1, 4]);
    expect(() => run([1], { ...scheme, lower: 400 })).toThrow(/lower <= upper/);
  });

  it('rescale and rgb', () => {
    expectAllclose(run([-2, 0, 2, 6], { kind: 'rescale' }), [0, 0.25, 0.5, 1]);
    expect(run([3, 3], { kind: 'rescale' })).toEqual([0, 0]);
    expectAllclose(run([0, 51, 255], { kind: 'rgb' }), [0, 0.2, 1], { atol: 1e-8 });
    expect(() => run([0, 256], { kind: 'rgb' })).toThrow(/0 to 255/);
  });

  it('none converts alone, channels have their own schemes, the input stays', () => {
    const data = Int16Array.of(1, 2, 3, 10, 20, 30);
    const volume = makeVolume({ data, channels: 2, shape: [1, 1, 3] });
    const out = normalise(volume, [{ kind: 'none' }, { kind: 'rescale' }]);
    expect(out.data).toEqual(Float32Array.of(1, 2, 3, 0, 0.5, 1));
    expect(data).toEqual(Int16Array.of(1, 2, 3, 10, 20, 30));
    const same = makeVolume({ data: Float32Array.of(1, 2, 3), shape: [1, 1, 3] });
    normalise(same, [{ kind: 'zscore' }]);
    expect(same.data).toEqual(Float32Array.of(1, 2, 3));
  });

  it('asks for what is missing', () => {
    expect(() => run([1, 2], { kind: 'zscore', useMask: true })).toThrow(/mask/);
    expect(() => run([1, 2], { kind: 'zscore' }, [1])).toThrow(/1 voxels/);
    expect(() =>
      normalise(makeVolume({ data: new Uint8Array(2), channels: 2, shape: [1, 1, 1] }), [{ kind: 'none' }]),
    ).toThrow(/2 channels/);
  });

  it('knows the names of channels', () => {
    expect(['CT', 'ct', 'noNorm', 'rescale_to_0_1', 'rgb_to_0_1', 'T2', 'zscore'].map(normalisationKindFor)).toEqual([
      'ct',
      'ct',
      'none',
      'rescale',
      'rgb',
      'zscore',
      'zscore',
    ]);
  });
});
