import { describe, expect, it } from 'vitest';
import { philox4x32 } from '@revoxel/runtime';
import { Random } from '../../src/data/random.js';

describe('Random', () => {
  it('depends on every part of the key and on nothing else', () => {
    const key = { seed: 7, step: 3, sample: 2, stream: 1 };
    const first = (k: typeof key): number => new Random(k).word();
    expect(first(key)).toBe(first({ ...key }));
    const others = [
      { ...key, seed: 7 + 2 ** 32 },
      { ...key, seed: 8 },
      { ...key, step: 4 },
      { ...key, sample: 3 },
      { ...key, stream: 2 },
    ];
    expect(new Set([key, ...others].map(first)).size).toBe(6);
  });

  it('counts blocks: the fifth word is the first of the next block', () => {
    const random = new Random({ seed: 0 });
    for (let i = 0; i < 4; i++) random.word();
    const out = new Uint32Array(4);
    philox4x32(out, 1, 0, 0, 0, 0, 0);
    expect(random.word()).toBe(out[0]);
  });

  it('draws uniform and normal numbers with the right moments', () => {
    const n = 200_000;
    const random = new Random({ seed: 1 });
    let sum = 0;
    let outside = 0;
    let normalSum = 0;
    let normalSquares = 0;
    let normalFourths = 0;
    for (let i = 0; i < n; i++) {
      const u = random.uniform(2, 4);
      if (!(u >= 2 && u < 4)) outside++;
      sum += u;
      const z = random.normal();
      normalSum += z;
      normalSquares += z * z;
      normalFourths += z ** 4;
    }
    expect(outside).toBe(0);
    // Five standard errors: sd(uniform on [2,4]) = 0.577, sd(z) = 1, sd(z^2) = 1.414, sd(z^4) = sqrt(96).
    const error = 5 / Math.sqrt(n);
    expect(Math.abs(sum / n - 3)).toBeLessThan(0.578 * error);
    expect(Math.abs(normalSum / n)).toBeLessThan(error);
    expect(Math.abs(normalSquares / n - 1)).toBeLessThan(1.415 * error);
    expect(Math.abs(normalFourths / n - 3)).toBeLessThan(Math.sqrt(96) * error);
  });

  it('draws integers evenly', () => {
    const random = new Random({ seed: 2 });
    const counts = new Float64Array(7);
    const n = 70_000;
    for (let i = 0; i < n; i++) counts[random.integer(7)]!++;
    let chi2 = 0;
    for (const c of counts) chi2 += (c - n / 7) ** 2 / (n / 7);
    expect(chi2).toBeLessThan(22.5); // 99.9 % of chi-squared with 6 degrees of freedom
  });

  it('chooses without replacement, evenly', () => {
    const random = new Random({ seed: 3 });
    const hits = new Float64Array(20);
    for (let round = 0; round < 5000; round++) {
      const chosen = random.choose(20, 5);
      expect(new Set(chosen).size).toBe(5);
      for (const i of chosen) hits[i]!++;
    }
    // Each is chosen with probability 1/4: sd of a count is sqrt(5000 * 3/16) = 30.6.
    for (const h of hits) expect(Math.abs(h - 1250)).toBeLessThan(5 * 30.7);
    expect([...random.choose(6, 6)].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('refuses keys and counts out of range', () => {
    expect(() => new Random({ seed: -1 })).toThrowErrorMatchingInlineSnapshot(
      `[DataArgumentError: Expected an integer from 0 to 2^53 - 1 for \`seed\`, got -1]`,
    );
    expect(() => new Random({ seed: 1, step: 2 ** 32 })).toThrow(/`step`/);
    expect(() => new Random({ seed: 1 }).integer(0)).toThrow(/`count`/);
    expect(() => new Random({ seed: 1 }).choose(3, 4)).toThrow(/0 to 3/);
  });
});
