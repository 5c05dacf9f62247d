import { makeVolume, orientationCode, voxelToWorld } from '@revoxel/imaging';
import type { Affine, Triple, Volume } from '@revoxel/imaging';
import { describe, expect, it } from 'vitest';
import { OUTSIDE } from '../../src/augment/patch-case.js';
import type { Fingerprint } from '../../src/data/fingerprint.js';
import { maskedChannels, planPreprocessing, preprocessImage, preprocessPair } from '../../src/data/preprocess.js';
import { decideLabels, restoreLabels, restoreProbabilities } from '../../src/data/restore.js';
import { syntheticVoxels } from '../helpers.js';

/** Affines of six orientations, one oblique, spacing 1 x 1.5 x 2 mm along file axes i, j, k. */
const orientations: Record<string, Affine> = {
  RAS: Float64Array.of(1, 0, 0, -5, 0, 1.5, 0, 7, 0, 0, 2, 3, 0, 0, 0, 1),
  LPS: Float64Array.of(-1, 0, 0, 20, 0, -1.5, 0, 9, 0, 0, 2, 1, 0, 0, 0, 1),
  LAS: Float64Array.of(-1, 0, 0, 0, 0, 1.5, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1),
  PSR: Float64Array.of(0, 0, 2, 0, -1, 0, 0, 4, 0, 1.5, 0, -8, 0, 0, 0, 1),
  IRP: Float64Array.of(0, 1.5, 0, 1, 0, 0, -2, 2, -1, 0, 0, 3, 0, 0, 0, 1),
  oblique: (() => {
    const c = Math.cos(0.3);
    const s = Math.sin(0.3);
    return Float64Array.of(-c, -1.5 * s, 0, 11, s, -1.5 * c, 0, -4, 0, 0, 2, 5, 0, 0, 0, 1);
  })(),
};
const shape: Triple = [10, 12, 14];
const zscore = (useMask = false) => ({ normalisation: [{ kind: 'zscore' as const, useMask }] });

function pair(affine: Affine): { image: Volume<Float32Array>; label: Volume<Uint8Array> } {
  const { image, label } = syntheticVoxels(shape, 1);
  return { image: makeVolume({ data: image, shape, affine }), label: makeVolume({ data: label, shape, affine }) };
}

/** World position (mm) of the centre of a label. */
function centre(volume: Volume<Uint8Array>, wanted: number): number[] {
  const [, h, w] = volume.shape;
  const sum = [0, 0, 0];
  let count = 0;
  volume.data.forEach((k, i) => {
    if (k !== wanted) return;
    voxelToWorld(volume.affine, [Math.floor(i / (h * w)), Math.floor(i / w) % h, i % w]).forEach(
      (v, axis) => (sum[axis]! += v),
    );
    count++;
  });
  return sum.map((v) => v / count);
}

describe('preprocess and restore', () => {
  describe.each(Object.entries(orientations))('%s', (name, affine) => {
    const { image, label } = pair(affine);
    const target = (): Triple =>
      preprocessImage(image, { spacing: [1, 1, 1], ...zscore() }).properties.canonicalSpacing;

    it('brings every voxel back when nothing is resampled', () => {
      if (name !== 'oblique') expect(orientationCode(affine)).toBe(name);
      const done = preprocessPair(image, label, { spacing: target(), ...zscore() });
      expect(done.properties.shape).toEqual(done.image.shape);
      expect(orientationCode(done.image.affine)).toBe('RAS');
      const restored = restoreLabels(
        done.label.data.map((k) => (k === OUTSIDE ? 0 : k)),
        done.properties,
      );
      expect(restored.data).toEqual(label.data);
      expect(restored.shape).toEqual(label.shape);
      expect(restored.affine).toEqual(affine);
      expect(restored.spacing).toEqual(image.spacing);
    });

    it('keeps labels where they are in the patient when resampled, there and back', () => {
      const done = preprocessPair(image, label, { spacing: [1.3, 0.9, 1.1], ...zscore() });
      expect(done.image.shape).not.toEqual(shape);
      for (const k of [1, 2])
        centre(done.label, k).forEach((v, axis) => expect(Math.abs(v - centre(label, k)[axis]!)).toBeLessThan(0.35));
      const restored = restoreLabels(
        done.label.data.map((k) => (k === OUTSIDE ? 0 : k)),
        done.properties,
      );
      expect(restored.affine).toEqual(affine);
      expect(restored.shape).toEqual(shape);
      for (const k of [1, 2])
        centre(restored, k).forEach((v, axis) => expect(Math.abs(v - centre(label, k)[axis]!)).toBeLessThan(0.35));
      const both = restored.data.reduce((sum, k, i) => sum + (k > 0 && label.data[i]! > 0 ? 1 : 0), 0);
      const either = restored.data.reduce((sum, k, i) => sum + (k > 0 ? 1 : 0) + (label.data[i]! > 0 ? 1 : 0), 0);
      expect((2 * both) / either).toBeGreaterThan(0.85);
    });
  });

  it('crops to non-zero, normalises inside the crop, marks what is outside', () => {
    const { image, label } = pair(orientations['RAS']!);
    // Within the box no voxel is empty, so one at its corner, beside the empty border, is made so.
    const corner = (1 * 12 + 1) * 14 + 1;
    image.data[corner] = 0;
    label.data[corner] = 0;
    const done = preprocessPair(image, label, { spacing: image.spacing, ...zscore() });
    expect(done.properties.box).toEqual({ start: [1, 1, 1], end: [10, 12, 13] });
    expect(done.image.shape).toEqual([9, 11, 12]);
    expect([...done.label.data].flatMap((k, i) => (k === OUTSIDE ? [i] : []))).toEqual([0]);
    const n = done.image.data.length;
    const mean = done.image.data.reduce((a, b) => a + b, 0) / n;
    const variance = done.image.data.reduce((a, b) => a + (b - mean) ** 2, 0) / n;
    expect(Math.abs(mean)).toBeLessThan(1e-5);
    expect(Math.abs(variance - 1)).toBeLessThan(1e-5);
    const masked = preprocessPair(image, label, { spacing: image.spacing, ...zscore(true) });
    expect(masked.image.data[0]).toBe(0);
    expect(done.image.data[0]).toBeLessThan(-1);
  });

  it('decides on logits as on labels when nothing is resampled, and puts background around probabilities', () => {
    const { image, label } = pair(orientations['LPS']!);
    const done = preprocessPair(image, label, { spacing: image.spacing, ...zscore() });
    const n = done.label.data.length;
    const logits = new Float32Array(3 * n);
    done.label.data.forEach((k, i) => (logits[(k === OUTSIDE ? 0 : k) * n + i] = 1));
    const decided = decideLabels(logits, 3, done.properties);
    expect(decided.data).toEqual(label.data);
    expect(decided.affine).toEqual(orientations['LPS']);
    const restored = restoreProbabilities(logits, 3, done.properties);
    expect(restored.channels).toBe(3);
    expect(restored.affine).toEqual(orientations['LPS']);
    const all = shape[0] * shape[1] * shape[2];
    for (let i = 0; i < all; i++)
      expect([0, 1, 2].map((k) => restored.data[k * all + i])).toEqual(
        [0, 1, 2].map((k) => (label.data[i] === k ? 1 : 0)),
      );
  });

  it('keeps probabilities summing to 1 when resampled, and decides as their largest', () => {
    const { image, label } = pair(orientations['PSR']!);
    const { properties } = preprocessPair(image, label, { spacing: [1.7, 1.2, 0.8], ...zscore() });
    const [d, h, w] = properties.shape;
    const n = d * h * w;
    const p = new Float32Array(3 * n);
    for (let i = 0; i < n; i++) {
      const e = [0, 1, 2].map((k) => Math.exp(3 * Math.sin(0.37 * i * (k + 1) + k)));
      const sum = e[0]! + e[1]! + e[2]!;
      e.forEach((v, k) => (p[k * n + i] = v / sum));
    }
    const restored = restoreProbabilities(p, 3, properties).data;
    const decided = decideLabels(p, 3, properties).data;
    const all = shape[0] * shape[1] * shape[2];
    for (let i = 0; i < all; i++) {
      const v = [0, 1, 2].map((k) => restored[k * all + i]!);
      expect(Math.abs(v[0]! + v[1]! + v[2]! - 1)).toBeLessThan(1e-6);
      expect(decided[i]).toBe(v.indexOf(Math.max(...v)));
    }
    expect(new Set(decided).size).toBe(3);
  });

  it('refuses data of another grid', () => {
    const { image } = pair(orientations['RAS']!);
    const { properties } = preprocessImage(image, { spacing: image.spacing, ...zscore() });
    expect(() => restoreLabels(new Uint8Array(5), properties)).toThrowErrorMatchingInlineSnapshot(
      `[DataArgumentError: Expected 1 x [9, 11, 12] voxels (1188) for \`data\`, got 5]`,
    );
    expect(() => preprocessImage(image, { spacing: [1, 1, 1], normalisation: [] })).toThrow(
      /0 channels as in the plan/,
    );
  });
});

describe('planPreprocessing', () => {
  const statistics = {
    mean: 100,
    median: 101,
    std: 40,
    min: -900,
    max: 1200,
    percentile_00_5: -58,
    percentile_99_5: 196,
  };
  const fingerprint: Fingerprint = {
    spacings: [
      [3, 1, 1],
      [2, 1.5, 1],
      [2.5, 2, 1],
      [5, 1, 1],
    ],
    shapes_after_crop: [],
    median_relative_size_after_cropping: 0.9,
    foreground_intensity_properties_per_channel: { '0': statistics, '1': statistics, '2': statistics },
  };

  it('takes the median spacing and the schemes of the channel names', () => {
    const plan = planPreprocessing({ channelNames: ['ct', 'T1', 'noNorm'] }, fingerprint);
    expect(plan.spacing).toEqual([2.75, 1.25, 1]);
    expect(plan.normalisation).toEqual([
      { kind: 'ct', lower: -58, upper: 196, mean: 100, std: 40 },
      { kind: 'zscore', useMask: false },
      { kind: 'none' },
    ]);
    expect(maskedChannels(plan)).toEqual([]);
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  it('normalises within the mask when the crop takes much away', () => {
    const plan = planPreprocessing(
      { channelNames: ['CT', 'T1', 'T2'] },
      { ...fingerprint, median_relative_size_after_cropping: 0.74 },
      [1, 1, 1],
    );
    expect(plan.spacing).toEqual([1, 1, 1]);
    expect(maskedChannels(plan)).toEqual([1, 2]);
  });
});
