/**
 * Products of plane rotations in integers: every rotation is three lifting steps, each of which adds a rounded function
 * of one number to the other, so that going back subtracts the very same integers. The real rotations of the same order
 * are in `orthogonal.ts`.
 *
 * @see Daubechies and Sweldens 1998 for the factorisation of a rotation into lifting steps
 */

/** Pairs (i, j), i < j, below `size`, in lexicographic order. */
export function pairsBelow(size: number): (readonly [i: number, j: number])[] {
  const pairs: [number, number][] = [];
  for (let i = 0; i < size; i++) for (let j = i + 1; j < size; j++) pairs.push([i, j]);
  return pairs;
}

/** A rotation of numbers i and j by an angle t, ready for lifting. */
export interface Lift {
  readonly i: number;
  readonly j: number;
  /** tan(t / 2). */
  readonly tangent: number;
  /** sin(t). */
  readonly sine: number;
}

/** The rotations of `size` numbers by one angle for every pair. */
export function liftsOf(size: number, angles: ArrayLike<number>): Lift[] {
  return pairsBelow(size).map(([i, j], p) => ({ i, j, tangent: Math.tan(angles[p]! / 2), sine: Math.sin(angles[p]!) }));
}

/** The numbers that are rotated, in place. */
interface Numbers {
  [index: number]: number;
}

/**
 * Rotate integers, the first rotation first.
 * @param wrap - brings an integer to the range of the elements, modulo that range.
 */
export function forwardGivens(x: Numbers, lifts: readonly Lift[], wrap: (v: number) => number): void {
  for (const { i, j, tangent, sine } of lifts) {
    x[i] = wrap(x[i]! - wrap(roundEven(tangent * x[j]!)));
    x[j] = wrap(x[j]! + wrap(roundEven(sine * x[i]!)));
    x[i] = wrap(x[i]! - wrap(roundEven(tangent * x[j]!)));
  }
}

/** The exact inverse of `forwardGivens`: reverse order, opposite signs. */
export function inverseGivens(x: Numbers, lifts: readonly Lift[], wrap: (v: number) => number): void {
  for (let p = lifts.length - 1; p >= 0; p--) {
    const { i, j, tangent, sine } = lifts[p]!;
    x[i] = wrap(x[i]! + wrap(roundEven(tangent * x[j]!)));
    x[j] = wrap(x[j]! - wrap(roundEven(sine * x[i]!)));
    x[i] = wrap(x[i]! + wrap(roundEven(tangent * x[j]!)));
  }
}

/** Nearest integer, ties to even. */
function roundEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 !== 0) ? low + 1 : low;
}
