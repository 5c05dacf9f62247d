import { describe, expect, it } from 'vitest';
import { nameKey, philox4x32 } from '../../src/random/philox.js';

const hex = (words: Uint32Array): string => [...words].map((w) => w.toString(16).padStart(8, '0')).join(' ');

describe('philox4x32', () => {
  // The known answers published with the Random123 library for philox4x32, 10 rounds.
  it.each([
    ['zero', [0, 0, 0, 0], [0, 0], '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    [
      'ones',
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      '408f276d 41c83b0e a20bc7c6 6d5451fd',
    ],
    [
      'pi',
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      'd16cfe09 94fdcceb 5001e420 24126ea1',
    ],
  ] as const)('gives the known answer for %s', (_, counter, key, answer) => {
    const out = new Uint32Array(4);
    philox4x32(out, ...(counter as [number, number, number, number]), ...(key as [number, number]));
    expect(hex(out)).toBe(answer);
  });
});

describe('nameKey', () => {
  // Published FNV-1a test vectors.
  it.each([
    ['', 0x811c9dc5],
    ['a', 0xe40c292c],
    ['foobar', 0xbf9cf968],
  ])('is FNV-1a of %j', (name, hash) => {
    expect(nameKey(name)).toBe(hash);
  });
});
