/** Rotations in integers: exactly invertible whatever the numbers, and near the real rotations where these are small. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forwardGivens, inverseGivens, liftsOf } from '../../src/linalg/givens.js';
import { orthogonalOf } from '../../src/linalg/orthogonal.js';
import { testNumbers } from '../../src/testing/test-data.js';

const wraps = {
  int16: { wrap: (v: number): number => (v << 16) >> 16, half: 2 ** 15 },
  int32: { wrap: (v: number): number => v | 0, half: 2 ** 31 },
};

describe.each(Object.entries(wraps))('%s', (_name, { wrap, half }) => {
  it.each([2, 4, 8])('of %i numbers are undone to the bit', (size) => {
    const numbers = fc.oneof(
      fc.integer({ min: -half, max: half - 1 }),
      fc.integer({ min: -300, max: 300 }),
      fc.constantFrom(-half, half - 1),
    );
    const pairs = (size * (size - 1)) / 2;
    fc.assert(
      fc.property(
        fc.array(numbers, { minLength: size, maxLength: size }),
        fc.array(fc.float({ min: -3, max: 3, noNaN: true }), { minLength: pairs, maxLength: pairs }),
        (x, angles) => {
          const y = [...x];
          const lifts = liftsOf(size, angles);
          forwardGivens(y, lifts, wrap);
          expect(y.every((v) => v === wrap(v))).toBe(true);
          inverseGivens(y, lifts, wrap);
          expect(y).toEqual(x);
        },
      ),
      { seed: 20260, numRuns: 500 },
    );
  });
});

describe('against the real product', () => {
  // Spec of the resampling, section 3.5: 1.0 steps rms, 5.7 at most, over 28 rotations by at most pi / 2.
  it('the distance is a few steps', () => {
    const angles = testNumbers('givens/angles', 28, { kind: 'uniform', low: -Math.PI / 2, high: Math.PI / 2 });
    const q = orthogonalOf('givens', angles, 8);
    const lifts = liftsOf(8, angles);
    let [squares, most, count] = [0, 0, 0];
    for (let trial = 0; trial < 500; trial++) {
      const x = testNumbers(`givens/${trial}`, 8, { kind: 'integers', low: -2000, high: 2000 });
      const y = [...x];
      forwardGivens(y, lifts, wraps.int32.wrap);
      y.forEach((v, o) => {
        const distance = Math.abs(v - x.reduce((sum, value, k) => sum + q[8 * o + k]! * value, 0));
        squares += distance ** 2;
        most = Math.max(most, distance);
        count++;
      });
    }
    expect(Math.sqrt(squares / count)).toBeLessThan(1.5);
    expect(most).toBeLessThan(8);
  });
});
