/**
 * Comparison of two arrays of numbers, for tests and benchmarks: says which element is worst, where it is, and both
 * values. Not an assertion: callers decide what to do with the answer.
 */

import { ArgumentError } from '../errors.js';
import { elementCount, type Shape } from '../graph/shape.js';

/** |actual - expected| <= atol + rtol * |expected| for every element. */
export interface Tolerance {
  /** Relative to the expected element. */
  readonly rtol: number;
  /** In units of the elements. */
  readonly atol: number;
}

/** The worst element of a comparison that failed. */
export interface Mismatch {
  /** Position in the arrays. */
  readonly index: number;
  /** Position per axis, if a shape was given. */
  readonly position: readonly number[] | undefined;
  readonly actual: number;
  readonly expected: number;
  /** |actual - expected| / (atol + rtol * |expected|): more than 1; infinite for NaN. */
  readonly excess: number;
  /** How many elements are out of tolerance. */
  readonly count: number;
  /** One line for people. */
  readonly message: string;
}

export interface CompareOptions extends Tolerance {
  /** Logical shape, to name the worst element by axis. */
  readonly shape?: Shape;
  /** NaN where NaN is expected is right; default false: NaN fails anywhere. */
  readonly nanEqual?: boolean;
}

/**
 * Compare two arrays element by element; infinities must agree exactly.
 * @returns undefined when all elements are within tolerance, else the worst one.
 * @throws ArgumentError if the lengths differ.
 * @example
 * compareArrays([1, 2], [1, 2.1], { rtol: 0, atol: 0.01 })?.index; // 1
 */
export function compareArrays(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { rtol, atol, shape, nanEqual = false }: CompareOptions,
): Mismatch | undefined {
  if (actual.length !== expected.length)
    throw new ArgumentError('actual', `${expected.length} elements`, actual.length);
  if (shape && elementCount(shape) !== expected.length)
    throw new ArgumentError('shape', `a shape of ${expected.length} elements`, [...shape]);
  let worst = -1;
  let worstExcess = 1;
  let count = 0;
  for (let i = 0; i < expected.length; i++) {
    const excess = excessOf(actual[i]!, expected[i]!, rtol, atol, nanEqual);
    if (excess <= 1) continue;
    count++;
    if (worst < 0 || excess > worstExcess) {
      worst = i;
      worstExcess = excess;
    }
  }
  if (worst < 0) return undefined;
  const position = shape ? positionOf(worst, shape) : undefined;
  const at = position ? `[${position.join(', ')}]` : String(worst);
  const [a, e] = [actual[worst]!, expected[worst]!];
  return {
    index: worst,
    position,
    actual: a,
    expected: e,
    excess: worstExcess,
    count,
    message: `element ${at} is ${a}, expected ${e} (off by ${Math.abs(a - e).toExponential(2)}, ${worstExcess.toFixed(1)} times the tolerance rtol ${rtol.toExponential(1)} atol ${atol.toExponential(1)}); ${count} of ${expected.length} elements are off`,
  };
}

function excessOf(actual: number, expected: number, rtol: number, atol: number, nanEqual: boolean): number {
  if (Number.isNaN(actual) || Number.isNaN(expected))
    return nanEqual && Number.isNaN(actual) && Number.isNaN(expected) ? 0 : Infinity;
  if (actual === expected) return 0;
  const difference = Math.abs(actual - expected);
  if (difference === Infinity) return Infinity;
  const allowed = atol + rtol * Math.abs(expected);
  return allowed === 0 ? Infinity : difference / allowed;
}

function positionOf(index: number, shape: Shape): number[] {
  const position = new Array<number>(shape.length);
  let rest = index;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    position[axis] = rest % shape[axis]!;
    rest = Math.floor(rest / shape[axis]!);
  }
  return position;
}
