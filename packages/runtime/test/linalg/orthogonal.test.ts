/** Orthogonal matrices and their gradients in float64: orthogonality, central differences, and starts that give Haar. */

import { describe, expect, it } from 'vitest';
import { expm } from '../../src/linalg/exponential.js';
import { identity, plus, solve, times, transpose } from '../../src/linalg/matrix.js';
import { orthogonalGradient, orthogonalOf } from '../../src/linalg/orthogonal.js';
import { ORTHOGONAL_KINDS, type OrthogonalKind } from '../../src/ops/orthogonal.js';
import { testWords } from '../../src/testing/test-data.js';

/** Normal numbers (Box-Muller), float64. */
function normal(name: string, count: number, std: number): Float64Array {
  const words = testWords(name, 2 * count);
  return Float64Array.from({ length: count }, (_, i) => {
    const [u, v] = [(words[2 * i]! + 1) / 2 ** 32, words[2 * i + 1]! / 2 ** 32];
    return std * Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
  });
}

const freeCount = (kind: OrthogonalKind, n: number): number => (kind === 'givens' ? (n * (n - 1)) / 2 : n * n);
const largest = (a: Float64Array): number => a.reduce((most, v) => Math.max(most, Math.abs(v)), 0);

const rows = ORTHOGONAL_KINDS.flatMap((kind) =>
  // A standard deviation of 3 gives A a 1-norm of about 30 at n = 8: several squarings.
  [4, 8].flatMap((n) => [0.3, 1, 3].map((std) => [kind, n, std] as const)),
);

describe.each(rows)('%s, n = %i, std %f', (kind, n, std) => {
  const w = normal(`${kind}/${n}/${std}`, freeCount(kind, n), std);

  it('is orthogonal, with determinant 1', () => {
    const q = orthogonalOf(kind, w, n);
    expect(largest(plus(times(q, transpose(q, n), n), identity(n), -1))).toBeLessThan(1e-12);
    expect(determinant(q, n)).toBeCloseTo(1, 10);
  });

  it('has the gradient of central differences', () => {
    const dq = normal(`dq/${kind}/${n}/${std}`, n * n, 1);
    const gradient = orthogonalGradient(kind, w, dq, n);
    const loss = (x: Float64Array): number => orthogonalOf(kind, x, n).reduce((sum, v, i) => sum + v * dq[i]!, 0);
    const h = 1e-3;
    w.forEach((_, i) => {
      const at = (t: number): number => loss(w.map((v, j) => (i === j ? v + t * h : v)));
      const difference = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h);
      expect(Math.abs(difference - gradient[i]!)).toBeLessThan(1e-6);
    });
  });
});

describe('starts', () => {
  // Spec of the resampling, section 3.2: signs of the rows of sqrt(8) Q.
  const golden = ['++++++++', '-+-+-+-+', '--++--++', '+--++--+', '----++++', '+-+--+-+', '++----++', '-++-+--+'];
  const oneBit = (i: number, j: number): boolean => [1, 2, 4].includes(i ^ j);
  const upper = (entry: (i: number, j: number) => number): Float64Array =>
    Float64Array.from({ length: 64 }, (_, at) => {
      const [i, j] = [at >> 3, at & 7];
      return i < j ? entry(i, j) : 0;
    });
  const expectHaar = (q: Float64Array): void => {
    const signs = golden.map((_, o) => [...q.subarray(8 * o, 8 * o + 8)].map((v) => (v > 0 ? '+' : '-')).join(''));
    expect(signs).toEqual(golden);
    for (const v of q) expect(Math.abs(Math.abs(v) - Math.sqrt(1 / 8))).toBeLessThan(1e-14);
  };

  it('by the exponential give Haar', () => {
    expectHaar(
      orthogonalOf(
        'exp',
        upper((i, j) => (oneBit(i, j) ? Math.PI / 4 : 0)),
        8,
      ),
    );
  });

  it('by Cayley give Haar', () => {
    const p = Math.SQRT1_2;
    const diagonal = [1 - p, p - 1, p - 1, 1 - p];
    const w = upper((i, j) => (oneBit(i, j) ? -p : i + j === 7 ? diagonal[i]! : 0));
    expectHaar(orthogonalOf('cayley', w, 8));
  });

  it('at zero give the identity', () => {
    for (const kind of ORTHOGONAL_KINDS)
      expect(orthogonalOf(kind, new Float64Array(freeCount(kind, 8)), 8)).toEqual(identity(8));
  });
});

describe('exp', () => {
  it('of matrices with a known one', () => {
    // A Jordan block: exp is e^a times the powers over factorials.
    const a = Float64Array.of(20, 1, 0, 0, 20, 1, 0, 0, 20);
    const e = Math.exp(20);
    const expected = [e, e, e / 2, 0, e, e, 0, 0, e];
    expm(a, 3).forEach((v, i) => expect(Math.abs(v - expected[i]!)).toBeLessThan(1e-11 * e));
  });
});

describe('solve', () => {
  it('needs pivots', () => {
    const a = Float64Array.of(0, 2, 1, 1, 0, 0, 3, 1, 0);
    expect(largest(plus(times(a, solve(a, identity(3), 3), 3), identity(3), -1))).toBeLessThan(1e-15);
  });
});

function determinant(a: Float64Array, n: number): number {
  if (n === 1) return a[0]!;
  let sum = 0;
  for (let column = 0; column < n; column++) {
    const minor = a.filter((_, i) => i >= n && i % n !== column);
    sum += (column % 2 ? -1 : 1) * a[column]! * determinant(minor, n - 1);
  }
  return sum;
}
