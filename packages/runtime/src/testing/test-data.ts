/**
 * Numbers for test cases: pure functions of a name, the same in every language that has Philox and IEEE arithmetic
 * (`tools/fixtures/generate_ops.py` draws the very same ones), so that fixtures hold results only.
 *
 * Element i (logical C order) takes word i % 4 of the Philox block with counter (floor(i / 4), 0, 0, 2) and key
 * (DATA_SEED, nameKey(name)); u = floor(word / 256) * 2^-24 is uniform in [0, 1).
 */

import { hostArray, toElement, type DType, type HostArray } from '../graph/dtype.js';
import { elementCount, type Shape } from '../graph/shape.js';
import { nameKey, philox4x32 } from '../random/philox.js';

/** First key word of all test data. */
export const DATA_SEED = 20260;

/** Last counter word: apart from initial values (1) and draws of a step (0). */
const TEST_DATA = 2;

/** Where the numbers of a test tensor come from. */
export type Distribution =
  /** low + (high - low) * u. */
  | { readonly kind: 'uniform'; readonly low: number; readonly high: number }
  /** Magnitude uniform in gap..high, either sign: far from a kink at 0. */
  | { readonly kind: 'awayFromZero'; readonly gap: number; readonly high: number }
  /** (p(i) - floor(n / 2)) * spacing for a permutation p: no two elements are near each other. */
  | { readonly kind: 'distinct'; readonly spacing: number }
  /** word % classes, and `ignore` where floor(word / 65536) % 5 is 0. */
  | { readonly kind: 'labels'; readonly classes: number; readonly ignore?: number }
  /** Whole numbers low + word % (high - low + 1), both ends included; at most 2^32 of them. */
  | { readonly kind: 'integers'; readonly low: number; readonly high: number }
  /** These, repeated. */
  | { readonly kind: 'list'; readonly values: readonly number[] };

/** Random words for `count` elements under a name. */
export function testWords(name: string, count: number): Uint32Array {
  const words = new Uint32Array(Math.ceil(count / 4) * 4);
  const key = nameKey(name);
  for (let block = 0; block * 4 < count; block++) {
    philox4x32(words.subarray(block * 4, block * 4 + 4), block, 0, 0, TEST_DATA, DATA_SEED, key);
  }
  return words.subarray(0, count);
}

/** Numbers of a distribution; drawn ones are rounded to fp32, listed ones are as they stand. */
export function testNumbers(name: string, count: number, d: Distribution): Float64Array {
  const out = new Float64Array(count);
  switch (d.kind) {
    case 'uniform':
      testWords(name, count).forEach((w, i) => (out[i] = Math.fround(d.low + (d.high - d.low) * unit(w))));
      break;
    case 'awayFromZero':
      testWords(name, count).forEach((w, i) => {
        const magnitude = Math.fround(d.gap + (d.high - d.gap) * unit(w));
        out[i] = w & 1 ? -magnitude : magnitude;
      });
      break;
    case 'distinct': {
      const factor = coprimeNear(count);
      for (let i = 0; i < count; i++) out[i] = (((i * factor) % count) - Math.floor(count / 2)) * d.spacing;
      break;
    }
    case 'labels':
      testWords(name, count).forEach((w, i) => {
        out[i] = d.ignore !== undefined && (w >>> 16) % 5 === 0 ? d.ignore : w % d.classes;
      });
      break;
    case 'integers':
      testWords(name, count).forEach((w, i) => (out[i] = d.low + (w % (d.high - d.low + 1))));
      break;
    case 'list':
      for (let i = 0; i < count; i++) out[i] = d.values[i % d.values.length]!;
      break;
    default:
      d satisfies never;
  }
  return out;
}

/** A host array of test numbers. bf16 and f16 values are rounded to nearest even. */
export function testArray(name: string, shape: Shape, dtype: DType, d: Distribution): HostArray {
  return encodeArray(testNumbers(name, elementCount(shape), d), dtype);
}

/** Numbers as the host array of a dtype. */
export function encodeArray(numbers: ArrayLike<number>, dtype: DType): HostArray {
  const out = hostArray(dtype, numbers.length);
  for (let i = 0; i < numbers.length; i++) out[i] = toElement(dtype, numbers[i]!);
  return out;
}

function unit(word: number): number {
  return (word >>> 8) * 2 ** -24;
}

/** The smallest number from 0.618 n on that has no divisor in common with n. */
function coprimeNear(n: number): number {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  let factor = Math.max(1, Math.floor(0.618 * n));
  while (gcd(factor, n) !== 1) factor++;
  return factor;
}
