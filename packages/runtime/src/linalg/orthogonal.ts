/**
 * Orthogonal matrices from free numbers, and the reverse rules, in float64; the formulas are in `ops/orthogonal.ts` and
 * `ops/orthogonal-grad.ts`. Not the integer rotations (`givens.ts`).
 * @see Etmann et al. 2020 (arXiv 2005.05220); Lezcano-Casado and Martinez-Rubio 2019 (arXiv 1901.08428)
 */

import type { OrthogonalKind } from '../ops/orthogonal.js';
import { expm, expmDerivative } from './exponential.js';
import { pairsBelow } from './givens.js';
import { identity, plus, solve, transpose, type SquareMatrix } from './matrix.js';

/**
 * Q of one set of free numbers.
 * @param w - n x n row by row, or n (n - 1) / 2 angles for `givens`. @param n - rows of Q.
 */
export function orthogonalOf(kind: OrthogonalKind, w: Float64Array, n: number): SquareMatrix {
  switch (kind) {
    case 'exp':
      return expm(skew(w, n), n);
    case 'cayley': {
      const a = skew(w, n);
      return solve(plus(identity(n), a), plus(identity(n), a, -1), n);
    }
    case 'givens': {
      const q = identity(n);
      pairsBelow(n).forEach(([i, j], p) => rotateRows(q, n, i, j, w[p]!));
      return q;
    }
    default:
      return kind satisfies never;
  }
}

/** Gradient with respect to the free numbers from `dq`, the gradient with respect to Q. */
export function orthogonalGradient(kind: OrthogonalKind, w: Float64Array, dq: SquareMatrix, n: number): Float64Array {
  switch (kind) {
    case 'exp': {
      const da = expmDerivative(transpose(skew(w, n), n), dq, n);
      return skew(da, n);
    }
    case 'cayley': {
      const m = plus(identity(n), skew(w, n), -1);
      const right = solve(transpose(m, n), transpose(dq, n), n); // (dq m^-1)^T
      const da = solve(m, transpose(right, n), n).map((value) => -2 * value);
      return skew(da, n);
    }
    case 'givens':
      return givensGradient(w, dq, n);
    default:
      return kind satisfies never;
  }
}

/** a - a^T. */
function skew(a: SquareMatrix, n: number): SquareMatrix {
  return plus(a, transpose(a, n), -1);
}

/** Rows i and j of m become cos t m_i - sin t m_j and sin t m_i + cos t m_j. */
function rotateRows(m: SquareMatrix, n: number, i: number, j: number, t: number): void {
  const [cos, sin] = [Math.cos(t), Math.sin(t)];
  for (let k = 0; k < n; k++) {
    const [a, b] = [m[i * n + k]!, m[j * n + k]!];
    m[i * n + k] = cos * a - sin * b;
    m[j * n + k] = sin * a + cos * b;
  }
}

/**
 * Q = R_m ... R_1. From the last rotation to the first, `before` is the product of the rotations before the present one
 * and `g` the gradient with respect to the product up to it; the angle's part is <g, R' before>.
 */
function givensGradient(angles: Float64Array, dq: SquareMatrix, n: number): Float64Array {
  const out = new Float64Array(angles.length);
  const before = orthogonalOf('givens', angles, n);
  const g = dq.slice();
  const pairs = pairsBelow(n);
  for (let p = pairs.length - 1; p >= 0; p--) {
    const [i, j] = pairs[p]!;
    const t = angles[p]!;
    rotateRows(before, n, i, j, -t);
    const [cos, sin] = [Math.cos(t), Math.sin(t)];
    let sum = 0;
    for (let k = 0; k < n; k++) {
      const [a, b] = [before[i * n + k]!, before[j * n + k]!];
      sum += g[i * n + k]! * (-sin * a - cos * b) + g[j * n + k]! * (cos * a - sin * b);
    }
    out[p] = sum;
    rotateRows(g, n, i, j, -t);
  }
  return out;
}
