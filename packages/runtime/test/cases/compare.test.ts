import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/errors.js';
import { compareArrays } from '../../src/testing/compare.js';
import { testNumbers } from '../../src/testing/test-data.js';

describe('compareArrays', () => {
  it('gives the worst element, its place and both values', () => {
    const mismatch = compareArrays([1, 2, 3, 4.5, 5, 6.1], [1, 2, 3, 4, 5, 6], { rtol: 0, atol: 0.05, shape: [2, 3] });
    expect(mismatch).toMatchObject({ index: 3, position: [1, 0], actual: 4.5, expected: 4, count: 2 });
    expect(mismatch?.excess).toBeCloseTo(10);
    expect(mismatch?.message).toMatchInlineSnapshot(
      `"element [1, 0] is 4.5, expected 4 (off by 5.00e-1, 10.0 times the tolerance rtol 0.0e+0 atol 5.0e-2); 2 of 6 elements are off"`,
    );
  });

  it('adds relative and absolute tolerance', () => {
    expect(compareArrays([101.9], [100], { rtol: 0.01, atol: 1 })).toBeUndefined();
    expect(compareArrays([102.1], [100], { rtol: 0.01, atol: 1 })).toBeDefined();
    expect(compareArrays([-0], [0], { rtol: 0, atol: 0 })).toBeUndefined();
  });

  it('fails on NaN and on infinities that differ', () => {
    const exact = { rtol: 1, atol: 1 };
    expect(compareArrays([NaN], [NaN], exact)?.excess).toBe(Infinity);
    expect(compareArrays([NaN], [1], exact)).toBeDefined();
    expect(compareArrays([NaN, 1], [NaN, 1], { ...exact, nanEqual: true })).toBeUndefined();
    expect(compareArrays([1], [NaN], { ...exact, nanEqual: true })).toBeDefined();
    expect(compareArrays([Infinity], [Infinity], exact)).toBeUndefined();
    expect(compareArrays([Infinity], [-Infinity], exact)).toBeDefined();
    expect(compareArrays([1], [Infinity], exact)).toBeDefined();
  });

  it('refuses lengths that differ', () => {
    expect(() => compareArrays([1], [1, 2], { rtol: 0, atol: 0 })).toThrow(ArgumentError);
    expect(() => compareArrays([1], [1], { rtol: 0, atol: 0, shape: [2] })).toThrow(ArgumentError);
  });
});

describe('test data', () => {
  it('is a function of the name', () => {
    const d = { kind: 'uniform', low: -1, high: 1 } as const;
    expect(testNumbers('a', 9, d)).toEqual(testNumbers('a', 9, d));
    expect(testNumbers('a', 5, d)).toEqual(testNumbers('a', 9, d).subarray(0, 5));
    expect(testNumbers('a', 9, d)).not.toEqual(testNumbers('b', 9, d));
  });

  it('keeps to its distribution', () => {
    const gap = testNumbers('g', 400, { kind: 'awayFromZero', gap: 0.5, high: 2 });
    expect(gap.every((v) => Math.abs(v) >= 0.5 && Math.abs(v) <= 2)).toBe(true);
    expect(gap.some((v) => v < 0) && gap.some((v) => v > 0)).toBe(true);
    for (const n of [1, 2, 7, 36, 360]) {
      const distinct = [...testNumbers('d', n, { kind: 'distinct', spacing: 0.5 })].sort((a, b) => a - b);
      expect(distinct).toEqual(Array.from({ length: n }, (_, i) => (i - Math.floor(n / 2)) * 0.5));
    }
    expect(new Set(testNumbers('l', 400, { kind: 'labels', classes: 3, ignore: 9 }))).toEqual(new Set([0, 1, 2, 9]));
    expect([...testNumbers('v', 3, { kind: 'list', values: [4, 5] })]).toEqual([4, 5, 4]);
  });
});
