/**
 * The inner loops of all convolutions: 4 x 4 sums in local variables. Written out by hand and in float64 because
 * JavaScript numbers are doubles: float32 operands would be converted at every load (measured 3.0 against 4.9 GFLOP/s on
 * one core), and more accumulators than the machine has registers spill (8 x 4: 2.8).
 */

/** Sums of a tile. */
export const TILE = 16;

/**
 * tile[i * 4 + j] += sum over s < steps of a[s * 4 + i] * b[s * 4 + j], from the given offsets.
 * For outputs = columns x weights: a holds four columns side by side, b four output channels.
 */
export function multiplyTile(
  a: Float64Array,
  aBegin: number,
  b: Float64Array,
  bBegin: number,
  steps: number,
  tile: Float64Array,
  t: number,
): void {
  let s00 = tile[t]!,
    s01 = tile[t + 1]!,
    s02 = tile[t + 2]!,
    s03 = tile[t + 3]!;
  let s10 = tile[t + 4]!,
    s11 = tile[t + 5]!,
    s12 = tile[t + 6]!,
    s13 = tile[t + 7]!;
  let s20 = tile[t + 8]!,
    s21 = tile[t + 9]!,
    s22 = tile[t + 10]!,
    s23 = tile[t + 11]!;
  let s30 = tile[t + 12]!,
    s31 = tile[t + 13]!,
    s32 = tile[t + 14]!,
    s33 = tile[t + 15]!;
  const end = aBegin + 4 * steps;
  for (let i = aBegin, j = bBegin; i < end; i += 4, j += 4) {
    const b0 = b[j]!,
      b1 = b[j + 1]!,
      b2 = b[j + 2]!,
      b3 = b[j + 3]!;
    const a0 = a[i]!,
      a1 = a[i + 1]!,
      a2 = a[i + 2]!,
      a3 = a[i + 3]!;
    s00 += a0 * b0;
    s01 += a0 * b1;
    s02 += a0 * b2;
    s03 += a0 * b3;
    s10 += a1 * b0;
    s11 += a1 * b1;
    s12 += a1 * b2;
    s13 += a1 * b3;
    s20 += a2 * b0;
    s21 += a2 * b1;
    s22 += a2 * b2;
    s23 += a2 * b3;
    s30 += a3 * b0;
    s31 += a3 * b1;
    s32 += a3 * b2;
    s33 += a3 * b3;
  }
  tile[t] = s00;
  tile[t + 1] = s01;
  tile[t + 2] = s02;
  tile[t + 3] = s03;
  tile[t + 4] = s10;
  tile[t + 5] = s11;
  tile[t + 6] = s12;
  tile[t + 7] = s13;
  tile[t + 8] = s20;
  tile[t + 9] = s21;
  tile[t + 10] = s22;
  tile[t + 11] = s23;
  tile[t + 12] = s30;
  tile[t + 13] = s31;
  tile[t + 14] = s32;
  tile[t + 15] = s33;
}

/** The same with a result that is not read, its rows `rowStep` apart: target[to + i * rowStep + j] = sum. */
export function multiplyTileTo(
  a: Float64Array,
  aBegin: number,
  b: Float64Array,
  bBegin: number,
  steps: number,
  target: Float64Array,
  to: number,
  rowStep: number,
): void {
  let s00 = 0,
    s01 = 0,
    s02 = 0,
    s03 = 0,
    s10 = 0,
    s11 = 0,
    s12 = 0,
    s13 = 0;
  let s20 = 0,
    s21 = 0,
    s22 = 0,
    s23 = 0,
    s30 = 0,
    s31 = 0,
    s32 = 0,
    s33 = 0;
  const end = aBegin + 4 * steps;
  for (let i = aBegin, j = bBegin; i < end; i += 4, j += 4) {
    const b0 = b[j]!,
      b1 = b[j + 1]!,
      b2 = b[j + 2]!,
      b3 = b[j + 3]!;
    const a0 = a[i]!,
      a1 = a[i + 1]!,
      a2 = a[i + 2]!,
      a3 = a[i + 3]!;
    s00 += a0 * b0;
    s01 += a0 * b1;
    s02 += a0 * b2;
    s03 += a0 * b3;
    s10 += a1 * b0;
    s11 += a1 * b1;
    s12 += a1 * b2;
    s13 += a1 * b3;
    s20 += a2 * b0;
    s21 += a2 * b1;
    s22 += a2 * b2;
    s23 += a2 * b3;
    s30 += a3 * b0;
    s31 += a3 * b1;
    s32 += a3 * b2;
    s33 += a3 * b3;
  }
  let r = to;
  target[r] = s00;
  target[r + 1] = s01;
  target[r + 2] = s02;
  target[r + 3] = s03;
  r += rowStep;
  target[r] = s10;
  target[r + 1] = s11;
  target[r + 2] = s12;
  target[r + 3] = s13;
  r += rowStep;
  target[r] = s20;
  target[r + 1] = s21;
  target[r + 2] = s22;
  target[r + 3] = s23;
  r += rowStep;
  target[r] = s30;
  target[r + 1] = s31;
  target[r + 2] = s32;
  target[r + 3] = s33;
}

/**
 * tile[i * 4 + j] += sum over q < quads and l < 4 of a[q * aStep + i * 4 + l] * b[q * bStep + j * 4 + l]: the same with
 * the summed index innermost, for weight gradients, which sum over the columns.
 */
export function multiplyTileOverColumns(
  a: Float64Array,
  aBegin: number,
  aStep: number,
  b: Float64Array,
  bBegin: number,
  bStep: number,
  quads: number,
  tile: Float64Array,
  t: number,
): void {
  let s00 = tile[t]!,
    s01 = tile[t + 1]!,
    s02 = tile[t + 2]!,
    s03 = tile[t + 3]!;
  let s10 = tile[t + 4]!,
    s11 = tile[t + 5]!,
    s12 = tile[t + 6]!,
    s13 = tile[t + 7]!;
  let s20 = tile[t + 8]!,
    s21 = tile[t + 9]!,
    s22 = tile[t + 10]!,
    s23 = tile[t + 11]!;
  let s30 = tile[t + 12]!,
    s31 = tile[t + 13]!,
    s32 = tile[t + 14]!,
    s33 = tile[t + 15]!;
  for (let q = 0, ai = aBegin, bi = bBegin; q < quads; q++, ai += aStep, bi += bStep) {
    for (let l = 0; l < 4; l++) {
      const i = ai + l;
      const j = bi + l;
      const b0 = b[j]!,
        b1 = b[j + 4]!,
        b2 = b[j + 8]!,
        b3 = b[j + 12]!;
      const a0 = a[i]!,
        a1 = a[i + 4]!,
        a2 = a[i + 8]!,
        a3 = a[i + 12]!;
      s00 += a0 * b0;
      s01 += a0 * b1;
      s02 += a0 * b2;
      s03 += a0 * b3;
      s10 += a1 * b0;
      s11 += a1 * b1;
      s12 += a1 * b2;
      s13 += a1 * b3;
      s20 += a2 * b0;
      s21 += a2 * b1;
      s22 += a2 * b2;
      s23 += a2 * b3;
      s30 += a3 * b0;
      s31 += a3 * b1;
      s32 += a3 * b2;
      s33 += a3 * b3;
    }
  }
  tile[t] = s00;
  tile[t + 1] = s01;
  tile[t + 2] = s02;
  tile[t + 3] = s03;
  tile[t + 4] = s10;
  tile[t + 5] = s11;
  tile[t + 6] = s12;
  tile[t + 7] = s13;
  tile[t + 8] = s20;
  tile[t + 9] = s21;
  tile[t + 10] = s22;
  tile[t + 11] = s23;
  tile[t + 12] = s30;
  tile[t + 13] = s31;
  tile[t + 14] = s32;
  tile[t + 15] = s33;
}
