/** Dropout as random numbers: how many are kept, independence of names, steps and seeds, the same mask backward. */

import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backend/reference/backend.js';
import { gradients } from '../../src/autodiff/gradients.js';
import { evaluate } from '../../src/evaluate.js';
import { dropout } from '../../src/ops/dropout.js';
import { sum } from '../../src/ops/reduce.js';

const backend = createReferenceBackend();
const COUNT = 2 * 4 * 20 * 25;
const ones = { data: new Float32Array(COUNT).fill(1), shape: [2, 4, 20, 25] };

async function draw(p: number, name: string, step: { readonly seed: number; readonly step: number }) {
  const { y, dx } = await evaluate(
    backend,
    { x: ones },
    (_g, { x }) => {
      const y = dropout(x, p, name);
      return { y, dx: gradients(sum(y), [x])[0]! };
    },
    { step },
  );
  return { y: [...y.data], dx: [...dx.data] };
}

const kept = (y: readonly number[]): number[] => y.map((v) => (v === 0 ? 0 : 1));

describe('dropout', () => {
  it.each([0.1, 0.5, 0.9])('keeps a share of 1 - %d and divides by it', async (p) => {
    const { y, dx } = await draw(p, 'a', { seed: 1, step: 0 });
    const share = kept(y).reduce((a, b) => a + b, 0) / COUNT;
    // Five standard deviations of a binomial share.
    expect(Math.abs(share - (1 - p))).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / COUNT));
    expect(new Set(y)).toEqual(new Set([0, Math.fround(1 / (1 - p))]));
    expect(dx).toEqual(y);
  });

  it('is drawn anew for another name, step and seed, and only then', async () => {
    const base = kept((await draw(0.5, 'a', { seed: 1, step: 0 })).y);
    expect(kept((await draw(0.5, 'a', { seed: 1, step: 0 })).y)).toEqual(base);
    for (const other of [
      await draw(0.5, 'b', { seed: 1, step: 0 }),
      await draw(0.5, 'a', { seed: 1, step: 1 }),
      await draw(0.5, 'a', { seed: 2, step: 0 }),
    ]) {
      const agree = kept(other.y).filter((v, i) => v === base[i]).length / COUNT;
      expect(Math.abs(agree - 0.5)).toBeLessThan(5 * Math.sqrt(0.25 / COUNT));
    }
  });

  it('lets neighbours differ', async () => {
    const mask = kept((await draw(0.5, 'a', { seed: 9, step: 9 })).y);
    for (const distance of [1, 4, 25]) {
      const agree = mask.filter((v, i) => v === mask[i + distance]).length / (COUNT - distance);
      expect(Math.abs(agree - 0.5)).toBeLessThan(5 * Math.sqrt(0.25 / COUNT));
    }
  });
});
