/**
 * Left stays left: reordering against nibabel's numbers, and against phantoms whose voxels know where in the patient they are.
 */
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  fromCanonical,
  identityAffine,
  makeVolume,
  orientationCode,
  sameGrid,
  spacingFromAffine,
  toCanonical,
  voxelToWorld,
  worldToVoxel,
} from '../src/index.js';
import type { Triple } from '../src/index.js';
import { expectAllclose } from './support/allclose.js';
import { fixture } from './support/data-folder.js';
import { PHANTOM, asymmetricPhantom, gridAffine, phantomAt, uniform } from './support/phantom.js';

interface Golden {
  readonly shapeIJK: readonly number[];
  readonly values: readonly number[];
  readonly cases: readonly {
    readonly code: string;
    readonly tilt: number;
    readonly affine: readonly number[];
    readonly canonicalShapeIJK: readonly number[];
    readonly canonicalAffine: readonly number[];
    readonly canonicalValues: readonly number[];
  }[];
}
const golden = JSON.parse(readFileSync(fixture('orientation.json'), 'utf8')) as Golden;

describe('toCanonical against nibabel', () => {
  it.each(golden.cases.map((c) => [c.code, c.tilt, c] as const))('%s, tilt %d', (_code, _tilt, c) => {
    const volume = makeVolume({
      data: Int16Array.from(golden.values),
      shape: golden.shapeIJK.toReversed() as unknown as Triple,
      affine: Float64Array.from(c.affine),
    });
    expect(orientationCode(volume.affine)).toBe(c.code);
    const canonical = toCanonical(volume).volume;
    expect(canonical.shape).toEqual(c.canonicalShapeIJK.toReversed());
    expect([...canonical.data]).toEqual(c.canonicalValues);
    expectAllclose(canonical.affine, c.canonicalAffine, { atol: 1e-12 });
    expect(orientationCode(canonical.affine)).toBe('RAS');
  });
});

const ALL_CODES = [
  ['R', 'L'],
  ['A', 'P'],
  ['S', 'I'],
].flatMap((first, a, pairs) =>
  first.flatMap((x) =>
    pairs.flatMap((second, b) =>
      b === a
        ? []
        : second.flatMap((y) =>
            pairs.filter((_, c) => c !== a && c !== b).flatMap((third) => third.map((z) => x + y + z)),
          ),
    ),
  ),
);

describe('an asymmetric phantom', () => {
  it('there are 48 orientations', () => {
    expect(new Set(ALL_CODES).size).toBe(48);
  });

  it.each(ALL_CODES.flatMap((code) => [0, 0.25, -0.35].map((tilt) => [code, tilt] as const)))(
    '%s, tilt %d: left stays left',
    (code, tilt) => {
      const shape: Triple = [19, 23, 27];
      const volume = asymmetricPhantom(shape, gridAffine(code, shape, [1.1, 0.9, 0.8], tilt));
      expect(orientationCode(volume.affine)).toBe(code);
      const { volume: canonical, reorientation } = toCanonical(volume);

      // Every voxel still has the value of its place in the patient.
      const [nd, nh, nw] = canonical.shape;
      let wrong = 0;
      for (let d = 0, i = 0; d < nd; d++)
        for (let h = 0; h < nh; h++)
          for (let w = 0; w < nw; w++, i++)
            if (canonical.data[i] !== phantomAt(voxelToWorld(canonical.affine, [d, h, w]))) wrong++;
      // Moving the origin rounds in float64, so a voxel exactly on an edge of the phantom may differ; with these numbers none does.
      expect(wrong).toBe(0);

      // And seen in array terms: low w is left, high d is superior.
      const meanIndex = (label: number): [number, number] => {
        let sumD = 0;
        let sumW = 0;
        let count = 0;
        canonical.data.forEach((v, i) => {
          if (v !== label) return;
          sumD += Math.floor(i / (nh * nw));
          sumW += i % nw;
          count++;
        });
        return [sumD / count, sumW / count];
      };
      expect(meanIndex(PHANTOM.left)[1]).toBeLessThan(nw / 2 - 2);
      expect(meanIndex(PHANTOM.right)[1]).toBeGreaterThan(nw / 2 + 2);
      expect(meanIndex(PHANTOM.top)[0]).toBeGreaterThan(nd / 2 + 2);

      // The way back is exact, affine included, also for another volume on the canonical grid.
      const back = fromCanonical(canonical, reorientation);
      expect(back.shape).toEqual(volume.shape);
      expect(Buffer.compare(back.data, volume.data)).toBe(0);
      expect([...back.affine]).toEqual([...volume.affine]);
      const prediction = fromCanonical(
        { ...canonical, data: Float32Array.from(canonical.data, (v) => v / 2) },
        reorientation,
      );
      expect(prediction.data.every((v, i) => v === volume.data[i]! / 2)).toBe(true);
    },
  );

  it('keeps channels apart', () => {
    const shape: Triple = [2, 3, 4];
    const volume = makeVolume({
      data: new Float32Array(48).map((_, i) => i),
      channels: 2,
      shape,
      affine: gridAffine('PIR', shape, [1, 2, 3]),
    });
    const { volume: canonical, reorientation } = toCanonical(volume);
    expect(canonical.data.subarray(0, 24).every((v) => v < 24)).toBe(true);
    expect(canonical.data.subarray(24).every((v) => v >= 24)).toBe(true);
    expect(fromCanonical(canonical, reorientation).data).toEqual(volume.data);
  });

  it('returns canonical volumes untouched', () => {
    const volume = makeVolume({ data: new Uint8Array(24), shape: [2, 3, 4] });
    expect(toCanonical(volume).volume).toBe(volume);
  });

  it('refuses a volume of another shape on the way back', () => {
    const shape: Triple = [2, 3, 4];
    const { reorientation } = toCanonical(
      makeVolume({ data: new Uint8Array(24), shape, affine: gridAffine('PIR', shape, [1, 1, 1]) }),
    );
    const other = makeVolume({ data: new Uint8Array(24), shape });
    expect(() => fromCanonical(other, reorientation)).toThrowErrorMatchingInlineSnapshot(
      `[GeometryError: fromCanonical: shape [2, 3, 4], the reorientation was made for [3, 4, 2]; undo crops and resampling first]`,
    );
  });
});

describe('voxels and the world', () => {
  it('are inverse to each other', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1 << 30 }),
        fc.tuple(
          fc.double({ min: -50, max: 50, noNaN: true }),
          fc.double({ min: -50, max: 50, noNaN: true }),
          fc.double({ min: -50, max: 50, noNaN: true }),
        ),
        (seed, index) => {
          const random = uniform(seed);
          const affine = gridAffine(
            ALL_CODES[Math.floor(random() * 48)]!,
            [5, 6, 7],
            [0.5 + random(), 0.5 + random(), 0.5 + random()],
            random() - 0.5,
          );
          const back = worldToVoxel(affine, voxelToWorld(affine, index));
          expectAllclose(back, index, { atol: 1e-10, rtol: 1e-12 });
        },
      ),
      { seed: 1, numRuns: 200 },
    );
  });

  it('takes array order in and gives x, y, z', () => {
    const affine = Float64Array.of(2, 0, 0, 10, 0, 3, 0, 20, 0, 0, 4, 30, 0, 0, 0, 1);
    expect(voxelToWorld(affine, [1, 2, 3])).toEqual([16, 26, 34]);
    expect(worldToVoxel(affine, [16, 26, 34])).toEqual([1, 2, 3]);
    expect(spacingFromAffine(affine)).toEqual([4, 3, 2]);
  });

  it('refuses affines that map to a plane', () => {
    const flat = Float64Array.of(1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
    expect(() => worldToVoxel(flat, [0, 0, 0])).toThrow(/singular|inverted/);
    expect(() => orientationCode(flat)).toThrow(/singular/);
    expect(() => spacingFromAffine(new Float64Array(16))).toThrow(/column 2/);
  });

  it('compares grids in mm', () => {
    const a = { shape: [2, 3, 4] as Triple, affine: identityAffine() };
    const shifted = identityAffine();
    shifted[3] = 0.01;
    expect(sameGrid(a, a)).toBe(true);
    expect(sameGrid(a, { ...a, affine: shifted })).toBe(false);
    expect(sameGrid(a, { ...a, affine: shifted }, 0.02)).toBe(true);
    expect(sameGrid(a, { ...a, shape: [2, 4, 3] })).toBe(false);
  });
});
