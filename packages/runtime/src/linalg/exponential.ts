/**
 * The matrix exponential and its derivative, in float64: scaling and squaring with the Pade approximant of degree 13.
 * @see Higham 2005 (The scaling and squaring method for the matrix exponential revisited), algorithm 2.3
 */

import { identity, norm1, plus, solve, times, type SquareMatrix } from './matrix.js';

/** Up to this 1-norm the approximant is exact to float64's rounding. */
const LARGEST_NORM = 5.371920351148152;

/** Coefficients of the numerator; the denominator has them with alternating signs. */
const PADE_13 = [
  64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
  670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1,
] as const;

/** exp(a). */
export function expm(a: SquareMatrix, n: number): SquareMatrix {
  const norm = norm1(a, n);
  const squarings = norm > LARGEST_NORM ? Math.ceil(Math.log2(norm / LARGEST_NORM)) : 0;
  const m = a.map((value) => value * 2 ** -squarings);
  const b = PADE_13;
  const m2 = times(m, m, n);
  const m4 = times(m2, m2, n);
  const m6 = times(m4, m2, n);
  const sum = (c6: number, c4: number, c2: number, c0: number): SquareMatrix =>
    identity(n).map((one, i) => c6 * m6[i]! + c4 * m4[i]! + c2 * m2[i]! + c0 * one);
  const odd = times(m, plus(times(m6, sum(b[13], b[11], b[9], 0), n), sum(b[7], b[5], b[3], b[1])), n);
  const even = plus(times(m6, sum(b[12], b[10], b[8], 0), n), sum(b[6], b[4], b[2], b[0]));
  let result = solve(plus(even, odd, -1), plus(even, odd), n);
  for (let i = 0; i < squarings; i++) result = times(result, result, n);
  return result;
}

/** The derivative of exp at `a` in the direction `e`: the upper right block of exp([[a, e], [0, a]]). */
export function expmDerivative(a: SquareMatrix, e: SquareMatrix, n: number): SquareMatrix {
  // It is linear in e: a small e does not add to the squarings that a needs.
  const size = norm1(e, n);
  if (size === 0) return new Float64Array(n * n);
  const wide = 2 * n;
  const doubled = new Float64Array(wide * wide);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      doubled[i * wide + j] = doubled[(i + n) * wide + j + n] = a[i * n + j]!;
      doubled[i * wide + j + n] = e[i * n + j]! / size;
    }
  }
  const result = expm(doubled, wide);
  return Float64Array.from({ length: n * n }, (_, i) => size * result[Math.floor(i / n) * wide + n + (i % n)]!);
}
