import type { Triple } from '@revoxel/imaging';
import { describe, expect, it } from 'vitest';
import { mirror } from '../../src/augment/mirror.js';
import { OUTSIDE, shareCase } from '../../src/augment/patch-case.js';
import type { PatchCase } from '../../src/augment/patch-case.js';
import { cropPatch, gatherPatch, spatialMatrix } from '../../src/augment/spatial.js';
import { randomCase } from './cases.js';

const identity = spatialMatrix({ angles: [0, 0, 0], scale: [1, 1, 1] });

function buffers(patch: Triple, channels: number): { image: Float32Array; label: Uint8Array } {
  const n = patch[0] * patch[1] * patch[2];
  return { image: new Float32Array(channels * n).fill(NaN), label: new Uint8Array(n).fill(77) };
}

/** The definition, written out: eight corners, zero or OUTSIDE beyond the case. */
function naiveGather(
  source: PatchCase,
  start: Triple,
  patch: Triple,
  m: Float64Array,
): { image: Float32Array; label: Uint8Array } {
  const { image, label } = buffers(patch, source.channels);
  const [D, H, W] = source.shape;
  let i = 0;
  for (let d = 0; d < patch[0]; d++)
    for (let h = 0; h < patch[1]; h++)
      for (let w = 0; w < patch[2]; w++, i++) {
        const o = [d - (patch[0] - 1) / 2, h - (patch[1] - 1) / 2, w - (patch[2] - 1) / 2];
        const at = [0, 1, 2].map(
          (r) => start[r]! + (patch[r]! - 1) / 2 + m[r * 3]! * o[0]! + m[r * 3 + 1]! * o[1]! + m[r * 3 + 2]! * o[2]!,
        );
        const votes = new Map<number, number>();
        const sums = new Float64Array(source.channels);
        for (const kd of [0, 1])
          for (const kh of [0, 1])
            for (const kw of [0, 1]) {
              const p = [Math.floor(at[0]!) + kd, Math.floor(at[1]!) + kh, Math.floor(at[2]!) + kw];
              const weight = p.reduce((product, q, axis) => product * (1 - Math.abs(q - at[axis]!)), 1);
              const inside = p.every((q, axis) => q >= 0 && q < source.shape[axis]!);
              const index = (p[0]! * H + p[1]!) * W + p[2]!;
              const k = inside ? source.label[index]! : -1;
              votes.set(k, (votes.get(k) ?? 0) + weight);
              if (inside) sums.forEach((_, c) => (sums[c]! += weight * source.image[c * D * H * W + index]!));
            }
        const [winner] = [...votes].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0]!;
        label[i] = winner === -1 ? OUTSIDE : winner;
        sums.forEach((s, c) => (image[c * label.length + i] = s));
      }
  return { image, label };
}

describe('cropPatch', () => {
  it.each([[[2, 3, 4]], [[-2, -3, -1]], [[7, 9, 12]], [[-30, 0, 0]]] as const)(
    'copies voxels at %o and marks the rest',
    (start) => {
      const source = randomCase('a', [9, 11, 13], 2, 3);
      const patch: Triple = [5, 6, 7];
      const { image, label } = buffers(patch, 2);
      cropPatch(source, start, patch, image, label);
      const expected = naiveGather(source, start, patch, identity);
      expect(image).toEqual(expected.image);
      expect(label).toEqual(expected.label);
    },
  );
});

describe('gatherPatch', () => {
  it('is a crop for the identity', () => {
    const source = randomCase('a', [9, 11, 13], 2, 4);
    const patch: Triple = [6, 5, 8];
    const straight = buffers(patch, 2);
    const gathered = buffers(patch, 2);
    cropPatch(source, [-1, 2, 3], patch, straight.image, straight.label);
    gatherPatch(source, [-1, 2, 3], patch, identity, gathered.image, gathered.label);
    expect(gathered).toEqual(straight);
  });

  it.each([
    ['all axes', { angles: [0.4, -0.3, 0.5], scale: [1.3, 1.3, 1.3] }],
    ['in plane', { angles: [2.2, 0, 0], scale: [1, 0.8, 0.8] }],
    ['enlarged', { angles: [0, 0, 0], scale: [0.7, 0.7, 0.7] }],
  ] as const)('equals the definition: %s', (_, parameters) => {
    const source = shareCase(randomCase('a', [12, 14, 16], 2, 5));
    const patch: Triple = [9, 10, 12];
    const matrix = spatialMatrix(parameters);
    const { image, label } = buffers(patch, 2);
    gatherPatch(source, [2, -1, 5], patch, matrix, image, label);
    const expected = naiveGather(source, [2, -1, 5], patch, matrix);
    let worst = 0;
    for (let i = 0; i < image.length; i++) worst = Math.max(worst, Math.abs(image[i]! - expected.image[i]!));
    // Sums of eight products of float32 in float64, stored once.
    expect(worst).toBeLessThan(1e-6);
    const different = label.reduce((count, k, i) => count + (k === expected.label[i] ? 0 : 1), 0);
    expect(different).toBe(0);
    expect(new Set(label).size).toBeGreaterThan(1);
  });

  it('turns a quarter exactly, in the stated direction', () => {
    const source = randomCase('a', [5, 5, 5], 1, 6);
    const { image, label } = buffers([5, 5, 5], 1);
    const matrix = spatialMatrix({ angles: [Math.PI / 2, 0, 0], scale: [1, 1, 1] });
    gatherPatch(source, [0, 0, 0], [5, 5, 5], matrix, image, label);
    // About D by +90 degrees: offset (h, w) shows the case at (-w, h).
    for (let d = 0; d < 5; d++)
      for (let h = 0; h < 5; h++)
        for (let w = 0; w < 5; w++) {
          expect(image[(d * 5 + h) * 5 + w]).toBeCloseTo(source.image[(d * 5 + (4 - w)) * 5 + h]!, 5);
        }
  });
});

describe('spatialMatrix', () => {
  it('multiplies in the order W, H, D, scale', () => {
    const a = spatialMatrix({ angles: [0.3, 0, 0], scale: [1.2, 1.2, 1.2] });
    expect([...a]).toEqual([
      1.2,
      0,
      0,
      0,
      Math.cos(0.3) * 1.2,
      -Math.sin(0.3) * 1.2,
      0,
      Math.sin(0.3) * 1.2,
      Math.cos(0.3) * 1.2,
    ]);
    const first = spatialMatrix({ angles: [Math.PI / 2, Math.PI / 2, 0], scale: [1, 1, 1] });
    // (0, 1, 0) turns about D to (0, 0, 1), then about H to (1, 0, 0).
    expect(first[1]).toBeCloseTo(1, 12);
  });
});

describe('mirror', () => {
  it.each([0, 1, 2] as const)('flips axis %i and comes back', (axis) => {
    const shape: Triple = [3, 4, 5];
    const x = Float32Array.from({ length: 120 }, (_, i) => i);
    mirror(x, shape, axis);
    for (let c = 0; c < 2; c++)
      for (let d = 0; d < 3; d++)
        for (let h = 0; h < 4; h++)
          for (let w = 0; w < 5; w++) {
            const from = [axis === 0 ? 2 - d : d, axis === 1 ? 3 - h : h, axis === 2 ? 4 - w : w] as const;
            expect(x[((c * 3 + d) * 4 + h) * 5 + w]).toBe(((c * 3 + from[0]) * 4 + from[1]) * 5 + from[2]);
          }
    mirror(x, shape, axis);
    expect(x).toEqual(Float32Array.from({ length: 120 }, (_, i) => i));
  });
});
