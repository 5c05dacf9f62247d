/** Scalar functions of the elementwise operations, in float64. Shared with the fast path, so both give the same numbers. */

import type { UnaryKind } from '../../ops/unary.js';

const SQRT_HALF = Math.SQRT1_2;
const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);
const INV_SQRT_TWO_PI = 1 / Math.sqrt(2 * Math.PI);

/**
 * Complementary error function, relative error below 1e-13 down to its underflow.
 * @see Abramowitz and Stegun, 7.1.6 (series, small arguments) and 7.1.14 (continued fraction, large ones)
 */
export function erfc(x: number): number {
  if (Number.isNaN(x)) return NaN;
  const a = Math.abs(x);
  if (a < 2) {
    let term = a;
    let sum = a;
    for (let n = 1; term > 1e-17 * sum; n++) {
      term *= (2 * a * a) / (2 * n + 1);
      sum += term;
    }
    const erf = TWO_OVER_SQRT_PI * Math.exp(-a * a) * sum;
    return x < 0 ? 1 + erf : 1 - erf;
  }
  let fraction = 0;
  for (let n = 120; n >= 1; n--) fraction = n / 2 / (a + fraction);
  const tail = Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction);
  return x < 0 ? 2 - tail : tail;
}

/** Value of an elementwise function. */
export function unaryValue(kind: UnaryKind, x: number, slope: number): number {
  switch (kind) {
    case 'leakyRelu':
      return x > 0 ? x : slope * x;
    case 'sigmoid':
      return 1 / (1 + Math.exp(-x));
    case 'tanh':
      return Math.tanh(x);
    case 'gelu':
      return 0.5 * x * erfc(-x * SQRT_HALF);
    case 'exp':
      return Math.exp(x);
    case 'log':
      return Math.log(x);
    case 'sqrt':
      return Math.sqrt(x);
    case 'square':
      return x * x;
    case 'abs':
      return Math.abs(x);
    default:
      return kind satisfies never;
  }
}

/** Derivative of an elementwise function at x. */
export function unaryDerivative(kind: UnaryKind, x: number, slope: number): number {
  switch (kind) {
    case 'leakyRelu':
      return x > 0 ? 1 : slope;
    case 'sigmoid': {
      const s = 1 / (1 + Math.exp(-x));
      return s * (1 - s);
    }
    case 'tanh': {
      const t = Math.tanh(x);
      return 1 - t * t;
    }
    case 'gelu':
      return 0.5 * erfc(-x * SQRT_HALF) + x * INV_SQRT_TWO_PI * Math.exp(-0.5 * x * x);
    case 'exp':
      return Math.exp(x);
    case 'log':
      return 1 / x;
    case 'sqrt':
      return 0.5 / Math.sqrt(x);
    case 'square':
      return 2 * x;
    case 'abs':
      return Math.sign(x);
    default:
      return kind satisfies never;
  }
}
