/** Small square matrices in float64, row by row in one array: products, and systems of equations by elimination with pivoting. */

/** n x n numbers, row-major. */
export type SquareMatrix = Float64Array;

export function identity(n: number): SquareMatrix {
  return Float64Array.from({ length: n * n }, (_, i) => (Math.floor(i / n) === i % n ? 1 : 0));
}

export function transpose(a: SquareMatrix, n: number): SquareMatrix {
  return a.map((_, i) => a[(i % n) * n + Math.floor(i / n)]!);
}

/** a + factor * b. */
export function plus(a: SquareMatrix, b: SquareMatrix, factor = 1): SquareMatrix {
  return a.map((value, i) => value + factor * b[i]!);
}

export function times(a: SquareMatrix, b: SquareMatrix, n: number): SquareMatrix {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let k = 0; k < n; k++) {
      const factor = a[i * n + k]!;
      for (let j = 0; j < n; j++) out[i * n + j]! += factor * b[k * n + j]!;
    }
  return out;
}

/** Largest sum of magnitudes of a column. */
export function norm1(a: SquareMatrix, n: number): number {
  let largest = 0;
  for (let j = 0; j < n; j++) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += Math.abs(a[i * n + j]!);
    largest = Math.max(largest, sum);
  }
  return largest;
}

/** X with a X = b, by LU with partial pivoting. A singular `a` gives infinities or NaN. */
export function solve(a: SquareMatrix, b: SquareMatrix, n: number): SquareMatrix {
  const [lu, x] = [a.slice(), b.slice()];
  const swap = (m: SquareMatrix, i: number, j: number): void => {
    for (let k = 0; k < n; k++) [m[i * n + k], m[j * n + k]] = [m[j * n + k]!, m[i * n + k]!];
  };
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let i = column + 1; i < n; i++)
      if (Math.abs(lu[i * n + column]!) > Math.abs(lu[pivot * n + column]!)) pivot = i;
    if (pivot !== column) {
      swap(lu, pivot, column);
      swap(x, pivot, column);
    }
    for (let i = column + 1; i < n; i++) {
      const factor = lu[i * n + column]! / lu[column * n + column]!;
      for (let k = column; k < n; k++) lu[i * n + k]! -= factor * lu[column * n + k]!;
      for (let k = 0; k < n; k++) x[i * n + k]! -= factor * x[column * n + k]!;
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = 0; k < n; k++) {
      let value = x[i * n + k]!;
      for (let j = i + 1; j < n; j++) value -= lu[i * n + j]! * x[j * n + k]!;
      x[i * n + k] = value / lu[i * n + i]!;
    }
  }
  return x;
}
