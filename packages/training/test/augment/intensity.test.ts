import type { Triple } from '@revoxel/imaging';
import { describe, expect, it } from 'vitest';
import { blur, gaussianKernel } from '../../src/augment/blur.js';
import { addNoise, applyGamma, scaleBrightness, scaleContrast, statistics } from '../../src/augment/intensity.js';
import { lowerResolution } from '../../src/augment/low-resolution.js';
import { Random } from '../../src/data/random.js';
import { randomCase } from './cases.js';

const shape: Triple = [7, 8, 9];
const channel = (): Float32Array => randomCase('a', shape, 1, 11).image;

function worst(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
}

describe('point transforms', () => {
  it('adds noise of the given standard deviation', () => {
    const x = new Float32Array(50_000);
    addNoise(x, 0.05, new Random({ seed: 1 }));
    const { mean, std } = statistics(x);
    expect(Math.abs(mean)).toBeLessThan((5 * 0.05) / Math.sqrt(50_000));
    expect(Math.abs(std / 0.05 - 1)).toBeLessThan(5 / Math.sqrt(100_000));
  });

  it('scales brightness and contrast', () => {
    const x = Float32Array.of(-1, 0, 1, 4);
    scaleBrightness(x, 1.25);
    expect([...x]).toEqual([-1.25, 0, 1.25, 5]);
    const y = Float32Array.of(-1, 0, 1, 4);
    scaleContrast(y, 0.5); // mean 1
    expect([...y]).toEqual([0, 0.5, 1, 2.5]);
    const z = Float32Array.of(-1, 0, 1, 4);
    scaleContrast(z, 2); // -3, -1, 1, 7 clipped to -1 ... 4
    expect([...z]).toEqual([-1, -1, 1, 4]);
  });

  it('applies gamma as defined and keeps mean and standard deviation', () => {
    const x = Float32Array.of(0, 1, 2, 4);
    applyGamma(x, 2, false);
    // (v/4)^2 * 4 = 0, 0.25, 1, 4; then standardised and brought to mean 1.75, sd sqrt(35/12).
    const raw = [0, 0.25, 1, 4];
    const mean = 1.3125;
    const sd = Math.sqrt(raw.reduce((s, v) => s + (v - mean) ** 2, 0) / 3);
    expect(
      worst(
        x,
        raw.map((v) => ((v - mean) / sd) * Math.sqrt(8.75 / 3) + 1.75),
      ),
    ).toBeLessThan(1e-6);
    for (const inverted of [false, true]) {
      const before = channel();
      const after = channel();
      applyGamma(after, 1.4, inverted);
      expect(Math.abs(statistics(after).mean - statistics(before).mean)).toBeLessThan(1e-6);
      expect(Math.abs(statistics(after).std - statistics(before).std)).toBeLessThan(1e-6);
      expect(worst(before, after)).toBeGreaterThan(0.05);
    }
  });

  it('inverts: gamma of -x is minus the inverted gamma of x', () => {
    const x = channel();
    const minus = x.map((v) => -v);
    applyGamma(x, 0.8, true);
    applyGamma(minus, 0.8, false);
    expect(
      worst(
        x,
        minus.map((v) => -v),
      ),
    ).toBeLessThan(1e-5);
  });

  it('leaves a constant channel finite and unchanged', () => {
    const x = new Float32Array(20).fill(3);
    applyGamma(x, 0.7, false);
    scaleContrast(x, 1.2);
    expect([...x]).toEqual(new Array(20).fill(3));
  });
});

describe('blur', () => {
  it('takes the odd kernel length nearest to 6 sigma + 0.5', () => {
    expect([0.5, 0.7, 0.9, 1].map((s) => gaussianKernel(s).length)).toEqual([3, 5, 5, 7]);
    const kernel = gaussianKernel(0.8);
    expect(kernel.reduce((a, b) => a + b)).toBeCloseTo(1, 14);
    expect(kernel[1]! / kernel[2]!).toBeCloseTo(Math.exp(-0.5 / 0.64), 12);
  });

  it('equals the separable definition with reflected borders', () => {
    const x = channel();
    const sigma: Triple = [0.6, 1, 0.8];
    let expected = Float64Array.from(x);
    for (let axis = 0; axis < 3; axis++) {
      const kernel = gaussianKernel(sigma[axis]!);
      const r = kernel.length >> 1;
      const next = new Float64Array(x.length);
      for (let d = 0, i = 0; d < 7; d++)
        for (let h = 0; h < 8; h++)
          for (let w = 0; w < 9; w++, i++) {
            for (let t = -r; t <= r; t++) {
              const at = [d, h, w] as [number, number, number];
              let q = at[axis]! + t;
              if (q < 0) q = -q;
              if (q >= shape[axis]!) q = 2 * (shape[axis]! - 1) - q;
              at[axis] = q;
              next[i]! += kernel[t + r]! * expected[(at[0] * 8 + at[1]) * 9 + at[2]]!;
            }
          }
      expected = next;
    }
    blur(x, shape, sigma);
    expect(worst(x, expected)).toBeLessThan(2e-6); // three roundings to float32 of values below 4
  });

  it('keeps a constant and copes with axes shorter than the kernel', () => {
    const x = new Float32Array(2 * 1 * 3).fill(2);
    blur(x, [2, 1, 3], [1, 1, 1]);
    expect(worst(x, new Float32Array(6).fill(2))).toBeLessThan(1e-6);
  });
});

describe('lowerResolution', () => {
  it('leaves the image as it is for factor 1', () => {
    const x = channel();
    lowerResolution(x, shape, [1, 1, 1]);
    expect(x).toEqual(channel());
  });

  it('equals nearest down and linear up on one axis', () => {
    // 8 -> 4: nearest takes voxels 1, 3, 5, 7; output o lies at (o + 1/2) / 2 - 1/2 of them.
    const x = Float32Array.of(9, 1, 9, 3, 9, 5, 9, 7);
    lowerResolution(x, [1, 1, 8], [1, 1, 0.5]);
    expect([...x]).toEqual([1, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7]);
    const y = Float32Array.of(9, 1, 9, 3, 9, 5, 9, 7);
    lowerResolution(y, [8, 1, 1], [0.5, 1, 1]);
    expect(y).toEqual(x);
    const z = Float32Array.of(9, 1, 9, 3, 9, 5, 9, 7);
    lowerResolution(z, [1, 8, 1], [1, 0.5, 1]);
    expect(z).toEqual(x);
  });

  it('is separable: three axes at once equal one after the other', () => {
    const together = channel();
    lowerResolution(together, shape, [0.6, 0.7, 0.8]);
    const single = channel();
    lowerResolution(single, shape, [0.6, 1, 1]);
    lowerResolution(single, shape, [1, 0.7, 1]);
    lowerResolution(single, shape, [1, 1, 0.8]);
    expect(worst(together, single)).toBeLessThan(1e-6);
    expect(worst(together, channel())).toBeGreaterThan(0.1);
  });
});
