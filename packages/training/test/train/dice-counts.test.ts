import { describe, expect, it } from 'vitest';
import { DiceCounts, movingAverage } from '../../src/train/dice-counts.js';

describe('DiceCounts', () => {
  it('sums over batches before the quotient', () => {
    const counts = new DiceCounts(4);
    counts.add(Uint8Array.of(1, 1, 0, 2), Uint8Array.of(1, 0, 1, 2));
    counts.add(Uint8Array.of(1, 1), Uint8Array.of(1, 1));
    const [one, two, three] = counts.dice();
    expect(one).toBeCloseTo((2 * 3) / (4 + 4), 12);
    expect(two).toBe(1);
    expect(three).toBeNaN();
  });

  it('gives 0 to a class that is predicted and not there', () => {
    const counts = new DiceCounts(2);
    counts.add(Uint8Array.of(1), Uint8Array.of(0));
    expect(counts.dice()).toEqual([0]);
  });
});

it('averages as nnU-Net does, starting from the first value', () => {
  expect(movingAverage(undefined, 0.4)).toBe(0.4);
  expect(movingAverage(0.4, 0.6)).toBeCloseTo(0.42, 12);
  expect(movingAverage(0.4, Number.NaN)).toBe(0.4);
  expect(movingAverage(undefined, Number.NaN)).toBeUndefined();
});
