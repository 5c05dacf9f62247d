/**
 * Comparison of number arrays that shows the worst element. Not a vitest matcher: one function is all these tests need.
 */
import { expect } from 'vitest';

/**
 * Expect |actual - expected| <= atol + rtol |expected| everywhere.
 *
 * @param actual - numbers.
 * @param expected - as many numbers.
 * @param tolerance - absolute and relative, default 0.
 */
export function expectAllclose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: { atol?: number; rtol?: number } = {},
): void {
  const { atol = 0, rtol = 0 } = tolerance;
  expect(actual.length).toBe(expected.length);
  let worst = -1;
  let excess = 0;
  for (let i = 0; i < actual.length; i++) {
    const a = actual[i]!;
    const b = expected[i]!;
    const over = Math.abs(a - b) - (atol + rtol * Math.abs(b));
    if (over > excess || Number.isNaN(over)) {
      worst = i;
      excess = Number.isNaN(over) ? Infinity : over;
    }
  }
  const message =
    worst < 0
      ? ''
      : `element ${worst}: got ${actual[worst]}, expected ${expected[worst]}, beyond the tolerance by ${excess}`;
  expect(worst, message).toBe(-1);
}
