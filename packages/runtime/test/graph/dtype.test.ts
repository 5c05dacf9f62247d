/** Conversions of 16-bit floats, over every bit pattern. */

import { describe, expect, it } from 'vitest';
import {
  DTYPES,
  elementBytes,
  fromElement,
  fromF16,
  hostArray,
  isFloat,
  toElement,
  toF16,
} from '../../src/graph/dtype.js';

const finite = Array.from({ length: 0x7c00 }, (_, bits) => bits);

describe('f16', () => {
  it('gives back every number it holds, of either sign', () => {
    for (const bits of finite) {
      expect(toF16(fromF16(bits))).toBe(bits);
      expect(toF16(-fromF16(bits))).toBe(bits | 0x8000);
    }
    expect([fromF16(0x7c00), fromF16(0xfc00), fromF16(0x7e00)]).toEqual([Infinity, -Infinity, NaN]);
    expect([fromF16(1), fromF16(0x400), fromF16(0x3c00), fromF16(0x7bff)]).toEqual([2 ** -24, 2 ** -14, 1, 65504]);
  });

  it('rounds to nearest, ties to even, between all neighbours', () => {
    for (const bits of finite) {
      const [low, high] = [fromF16(bits), bits === 0x7bff ? 65536 : fromF16(bits + 1)];
      const middle = (low + high) / 2;
      const nearer = 2 ** -20 * (high - low);
      expect(toF16(middle)).toBe(bits + (bits & 1));
      if (Math.fround(middle - nearer) < middle) expect(toF16(middle - nearer)).toBe(bits);
      if (Math.fround(middle + nearer) > middle) expect(toF16(middle + nearer)).toBe(bits + 1);
    }
  });

  it('overflows to infinity and keeps NaN', () => {
    expect([65519.9, 65520, 1e30, Infinity, -7e4].map(toF16)).toEqual([0x7bff, 0x7c00, 0x7c00, 0x7c00, 0xfc00]);
    expect(fromF16(toF16(NaN))).toBeNaN();
    expect([1e-40, -1e-40, -0].map(toF16)).toEqual([0, 0x8000, 0x8000]);
  });
});

describe('elements', () => {
  it('hold small whole numbers in every dtype', () => {
    for (const dtype of DTYPES) {
      const array = hostArray(dtype, 1);
      array[0] = toElement(dtype, 3);
      expect([fromElement(dtype, array[0]), array.BYTES_PER_ELEMENT]).toEqual([3, elementBytes(dtype)]);
    }
    expect(DTYPES.filter(isFloat)).toEqual(['f32', 'bf16', 'f16']);
  });
});
