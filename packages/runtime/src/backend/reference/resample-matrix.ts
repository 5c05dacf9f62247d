/** The matrices of invertible resampling: what each form of a kind multiplies a block with. See `ops/resample.ts`. */

import type { RESAMPLE_FORMS } from '../../ops/resample.js';

export type ResampleForm = (typeof RESAMPLE_FORMS)[number];

/** A square matrix, entry [row][column]. */
export type Matrix = readonly (readonly number[])[];

/** Of one halved axis: rows mean (or low-pass) and detail, columns even and odd sample. */
interface PerAxis {
  readonly matrix: Matrix;
  readonly inverse: Matrix;
}

const HALF = Math.SQRT1_2;
const HAAR: PerAxis = {
  matrix: [
    [HALF, HALF],
    [-HALF, HALF],
  ],
  inverse: [
    [HALF, -HALF],
    [HALF, HALF],
  ],
};
const LIFTING: PerAxis = {
  matrix: [
    [0.5, 0.5],
    [1, -1],
  ],
  inverse: [
    [1, 0.5],
    [1, -0.5],
  ],
};

/** Entry [row][column] is the product over the axes of the entries that the digits of row and column pick. */
function product(perAxis: Matrix, stride: readonly number[]): Matrix {
  return stride.reduce<Matrix>(
    (outer, s) => {
      const own = s === 2 ? perAxis : [[1]];
      return outer.flatMap((row) => own.map((inner) => row.flatMap((a) => inner.map((b) => a * b))));
    },
    [[1]],
  );
}

export function transposed(m: Matrix): Matrix {
  return m.map((_, i) => m.map((row) => row[i]!));
}

/** The matrix that a form of `haar` or of `lifting` in floats applies. */
export function fixedMatrix(kind: 'haar' | 'lifting', form: ResampleForm, stride: readonly number[]): Matrix {
  const { matrix, inverse } = kind === 'haar' ? HAAR : LIFTING;
  switch (form) {
    case 'forward':
      return product(matrix, stride);
    case 'inverse':
      return product(inverse, stride);
    case 'transpose':
      return transposed(product(matrix, stride));
    case 'inverseTranspose':
      return transposed(product(inverse, stride));
    default:
      return form satisfies never;
  }
}
