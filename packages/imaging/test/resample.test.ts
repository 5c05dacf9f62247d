/**
 * Resampling against SciPy's numbers (tools/fixtures/imaging), and properties no golden file can show.
 */
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  makeVolume,
  resampleLabels,
  resampleToShape,
  resampleToSpacing,
  roundHalfEven,
  separateAxis,
  shapeForSpacing,
  voxelToWorld,
} from '../src/index.js';
import type { Triple, Volume } from '../src/index.js';
import { expectAllclose } from './support/allclose.js';
import { fixture } from './support/data-folder.js';
import { asymmetricPhantom, gridAffine, phantomAt, uniform } from './support/phantom.js';

interface Case {
  readonly shape: Triple;
  readonly newShape: Triple;
  readonly order: 1 | 3;
  readonly separate: 0 | 1 | 2 | null;
  readonly input: readonly number[];
  readonly output: readonly number[];
}
const golden = JSON.parse(readFileSync(fixture('resample.json'), 'utf8')) as { images: Case[]; labels: Case[] };

/** A volume whose spacing makes the axis of the case the one to be separated. */
function volumeOf<A extends Float32Array | Float64Array | Int16Array | BigInt64Array>(c: Case, data: A): Volume<A> {
  const spacing: Triple = [0, 1, 2].map((a) => (a === c.separate ? 4 : 1)) as unknown as Triple;
  return makeVolume({ data, shape: c.shape, spacing });
}
const name = (c: Case): string =>
  `[${c.shape.join(' ')}] to [${c.newShape.join(' ')}]${c.separate === null ? '' : `, axis ${c.separate} apart`}`;

describe('resampleToShape against SciPy', () => {
  it.each(golden.images.map((c) => [`order ${c.order}, ${name(c)}`, c] as const))('%s', (_name, c) => {
    const separateZ = c.separate !== null;
    const wide = resampleToShape(volumeOf(c, Float64Array.from(c.input)), c.newShape, { order: c.order, separateZ });
    // The golden numbers have ten digits; values reach 1500.
    expectAllclose(wide.data, c.output, { atol: 1e-7, rtol: 1e-9 });
    expect(wide.data).toBeInstanceOf(Float64Array);
    const narrow = resampleToShape(volumeOf(c, Float32Array.from(c.input)), c.newShape, { order: c.order, separateZ });
    expect(narrow.data).toEqual(Float32Array.from(wide.data));
    const integer = resampleToShape(volumeOf(c, Int16Array.from(c.input)), c.newShape, { order: c.order, separateZ });
    expect(integer.data).toEqual(narrow.data);
  });
});

describe('resampleLabels against SciPy, label by label', () => {
  it.each(golden.labels.map((c) => [name(c), c] as const))('%s', (_name, c) => {
    const out = resampleLabels(volumeOf(c, Int16Array.from(c.input)), c.newShape, { separateZ: c.separate !== null });
    expect([...out.data]).toEqual(c.output);
    const wide = resampleLabels(volumeOf(c, BigInt64Array.from(c.input, BigInt)), c.newShape, {
      separateZ: c.separate !== null,
    });
    expect([...wide.data].map(Number)).toEqual(c.output);
  });
});

describe('resampling', () => {
  it('to the same shape changes nothing', () => {
    const random = uniform(11);
    const volume = makeVolume({ data: new Float32Array(2 * 60).map(random), channels: 2, shape: [3, 4, 5] });
    expect(resampleToShape(volume, [3, 4, 5]).data).toEqual(volume.data);
    const labels = makeVolume({ data: new Uint16Array(60).map(() => Math.floor(random() * 400)), shape: [3, 4, 5] });
    expect(resampleLabels(labels, [3, 4, 5]).data).toEqual(labels.data);
  });

  it('keeps a linear ramp linear in world coordinates (away from the edges)', () => {
    const shape: Triple = [8, 10, 12];
    const affine = gridAffine('LPI', shape, [1.5, 1, 0.8], 0.3);
    const ramp = ([x, y, z]: Triple): number => 3 * x - 2 * y + 0.5 * z;
    const data = new Float64Array(960);
    for (let d = 0, i = 0; d < 8; d++)
      for (let h = 0; h < 10; h++) for (let w = 0; w < 12; w++) data[i++] = ramp(voxelToWorld(affine, [d, h, w]));
    const out = resampleToShape(makeVolume({ data, shape, affine }), [12, 7, 18], { order: 1 });
    for (let d = 2; d < 10; d++)
      for (let h = 1; h < 6; h++)
        for (let w = 2; w < 16; w++) {
          expect(out.data[(d * 7 + h) * 18 + w]).toBeCloseTo(ramp(voxelToWorld(out.affine, [d, h, w])), 9);
        }
  });

  it('keeps a phantom in its place: left stays left, labels agree away from edges', () => {
    const shape: Triple = [20, 24, 28];
    const volume = asymmetricPhantom(shape, gridAffine('PIR', shape, [1, 0.9, 0.8], 0.2));
    const out = resampleLabels(volume, [31, 19, 40]);
    let wrong = 0;
    for (let d = 0, i = 0; d < 31; d++)
      for (let h = 0; h < 19; h++)
        for (let w = 0; w < 40; w++, i++) if (out.data[i] !== phantomAt(voxelToWorld(out.affine, [d, h, w]))) wrong++;
    // Only voxels on a surface may differ.
    expect(wrong / out.data.length).toBeLessThan(0.04);
    expect(new Set(out.data)).toEqual(new Set([0, 1, 2, 3]));
  });

  it('keeps the field of view', () => {
    const volume = makeVolume({
      data: new Float32Array(60),
      shape: [3, 4, 5],
      affine: gridAffine('RSA', [3, 4, 5], [3, 2, 1], 0.4),
    });
    const out = resampleToShape(volume, [5, 5, 5]);
    expectAllclose(out.spacing, [(3 * 3) / 5, (2 * 4) / 5, 1], { rtol: 1e-12 });
    expectAllclose(voxelToWorld(out.affine, [-0.5, -0.5, -0.5]), voxelToWorld(volume.affine, [-0.5, -0.5, -0.5]), {
      atol: 1e-12,
    });
    expectAllclose(voxelToWorld(out.affine, [4.5, 4.5, 4.5]), voxelToWorld(volume.affine, [2.5, 3.5, 4.5]), {
      atol: 1e-12,
    });
  });

  it('never leaves the range of the input, makes no new labels, channels stay apart', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1 << 30 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 6, maxLength: 6 }),
        fc.constantFrom('auto' as const, true, false),
        (seed, n, separateZ) => {
          const random = uniform(seed);
          const shape = n.slice(0, 3) as unknown as Triple;
          const newShape = n.slice(3) as unknown as Triple;
          const count = shape[0] * shape[1] * shape[2];
          const spacing: Triple = [0.5 + 3 * random(), 0.5 + random(), 0.5 + random()];
          const data = new Float32Array(2 * count).map((_, i) => random() + (i < count ? 0 : 10));
          const out = resampleToShape(makeVolume({ data, channels: 2, shape, spacing }), newShape, { separateZ });
          const half = out.data.length / 2;
          const rangeOf = (a: Float32Array | Float64Array): [number, number] => [Math.min(...a), Math.max(...a)];
          for (const c of [0, 1]) {
            const [a, b] = rangeOf(data.subarray(c * count, (c + 1) * count));
            const [p, q] = rangeOf(out.data.subarray(c * half, (c + 1) * half));
            expect(p).toBeGreaterThanOrEqual(a);
            expect(q).toBeLessThanOrEqual(b);
          }
          const labels = makeVolume({
            data: new Uint8Array(count).map(() => Math.floor(random() * 4) * 3),
            shape,
            spacing,
          });
          const known = new Set([0, ...labels.data]);
          expect([...resampleLabels(labels, newShape, { separateZ }).data].every((v) => known.has(v))).toBe(true);
        },
      ),
      { seed: 2, numRuns: 150 },
    );
  });

  it('to a spacing rounds the shape half to even', () => {
    expect([0.5, 1.5, 2.5, -1.5, 2.4999, 2.5001].map(roundHalfEven)).toEqual([0, 2, 2, -2, 2, 3]);
    expect(shapeForSpacing([5, 7, 10], [1, 1, 1], [2, 2, 4])).toEqual([2, 4, 2]);
    expect(shapeForSpacing([3, 3, 3], [1, 1, 1], [9, 9, 9])).toEqual([1, 1, 1]);
    const out = resampleToSpacing(makeVolume({ data: new Float32Array(350), shape: [5, 7, 10] }), [2, 2, 4]);
    expect(out.shape).toEqual([2, 4, 2]);
    expect(() => shapeForSpacing([1, 1, 1], [1, 1, 1], [0, 1, 1])).toThrow(/newSpacing/);
    expect(() => resampleToShape(makeVolume({ data: new Uint8Array(1), shape: [1, 1, 1] }), [1, 1, 1.5])).toThrow(
      /positive integers/,
    );
  });
});

describe('separateAxis (thick slices)', () => {
  it.each([
    ['isotropic', [1, 1, 1], [1, 1, 1], undefined],
    ['exactly three times is not enough', [3, 1, 1], [1, 1, 1], undefined],
    ['current spacing', [3.1, 1, 1], [1, 1, 1], 0],
    ['any axis', [1, 1, 5], [1, 1, 1], 2],
    ['new spacing when the current is fine', [1, 1, 1], [1, 4, 1], 1],
    ['the current one first', [5, 1, 1], [1, 5, 1], 0],
    ['a tie for coarsest is left alone', [4, 4, 1], [1, 1, 1], undefined],
  ] as const)('%s', (_name, current, next, axis) => {
    expect(separateAxis(current, next)).toBe(axis);
  });

  it('can be forced', () => {
    expect(separateAxis([1.1, 1, 1], [1, 1, 1], true)).toBe(0);
    expect(separateAxis([1, 1, 1], [1, 1, 9], true)).toBeUndefined();
    expect(separateAxis([9, 1, 1], [1, 1, 1], false)).toBeUndefined();
  });
});
