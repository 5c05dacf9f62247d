import { describe, expect, it } from 'vitest';
import { learningRateAt, stepsWithin } from '../../src/train/schedule.js';

describe('learningRateAt', () => {
  it('decays as nnU-Net does, without a rise', () => {
    const rate = { initial: 0.01, power: 0.9, warmupSteps: 0 };
    expect(learningRateAt(0, 1000, rate)).toBe(0.01);
    expect(learningRateAt(500, 1000, rate)).toBeCloseTo(0.01 * 0.5 ** 0.9, 12);
    expect(learningRateAt(999, 1000, rate)).toBeCloseTo(0.01 * 0.001 ** 0.9, 12);
  });

  it('rises first, by the same steps whatever the length of the run', () => {
    const rate = { initial: 1, power: 1, warmupSteps: 4 };
    const start = [0, 1, 2, 3].map((s) => learningRateAt(s, 10, rate));
    expect(start).toEqual([0.2, 0.4, 0.6, 0.8]);
    expect([0, 1, 2, 3].map((s) => learningRateAt(s, Number.POSITIVE_INFINITY, rate))).toEqual(start);
    expect(learningRateAt(4, 10, rate)).toBe(1);
    expect(learningRateAt(7, 10, rate)).toBeCloseTo(0.5, 12);
  });

  it('never falls below zero, in runs shorter than the rise too', () => {
    for (let step = 0; step < 40; step++)
      expect(learningRateAt(step, 10, { initial: 1, power: 0.9, warmupSteps: 20 })).toBeGreaterThanOrEqual(0);
  });
});

describe('stepsWithin', () => {
  const each = (seconds: number, n = 20): number[] => new Array<number>(n).fill(seconds);

  it('fills the time that is left', () => {
    expect(stepsWithin({ seconds: 110, elapsed: 10, stepSeconds: each(0.5), reserve: 0, validationShare: 0 })).toBe(
      220,
    );
    expect(stepsWithin({ seconds: 110, elapsed: 10, stepSeconds: each(0.5), reserve: 20, validationShare: 0 })).toBe(
      180,
    );
    expect(stepsWithin({ seconds: 110, elapsed: 10, stepSeconds: each(0.5), reserve: 0, validationShare: 0.25 })).toBe(
      180,
    );
  });

  it('leaves slow first steps out', () => {
    const slow = [30, 5, 2, 1, ...each(0.5, 16)];
    expect(stepsWithin({ seconds: 110, elapsed: 10, stepSeconds: slow, reserve: 0, validationShare: 0 })).toBe(220);
  });

  it('never takes steps back', () => {
    expect(stepsWithin({ seconds: 5, elapsed: 10, stepSeconds: each(0.5), reserve: 0, validationShare: 0 })).toBe(20);
  });
});
