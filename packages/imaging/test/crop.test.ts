/**
 * Cropping and padding: hole filling against SciPy, boxes by brute force, and the way back.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  boundingBox,
  boxShape,
  cropToBox,
  cropToNonZero,
  fillHoles,
  makeVolume,
  nonZeroMask,
  pad,
  padToShape,
  uncrop,
  voxelToWorld,
} from '../src/index.js';
import type { Triple } from '../src/index.js';
import { expectAllclose } from './support/allclose.js';
import { fixture } from './support/data-folder.js';
import { gridAffine, uniform } from './support/phantom.js';

interface Holes {
  readonly cases: readonly { readonly shape: Triple; readonly mask: string; readonly filled: string }[];
}
const holes = (JSON.parse(readFileSync(fixture('holes.json'), 'utf8')) as Holes).cases;
const bits = (text: string): Uint8Array => Uint8Array.from(text, Number);

describe('fillHoles', () => {
  it.each(holes.map((c, i) => [i, c] as const))('equals SciPy, case %i', (_i, c) => {
    expect(fillHoles(bits(c.mask), c.shape)).toEqual(bits(c.filled));
  });

  it('the cases have holes to fill', () => {
    expect(holes.filter((c) => c.filled !== c.mask).length).toBeGreaterThanOrEqual(4);
  });

  it('fills a cavity but not a dent, and lets diagonal gaps stay closed', () => {
    const shape: Triple = [5, 5, 5];
    const mask = new Uint8Array(125);
    for (let d = 1; d < 4; d++) for (let h = 1; h < 4; h++) for (let w = 1; w < 4; w++) mask[d * 25 + h * 5 + w] = 1;
    mask[2 * 25 + 2 * 5 + 2] = 0;
    mask[1 * 25 + 1 * 5 + 1] = 0; // a corner: touches the cavity in no face
    const filled = fillHoles(mask, shape);
    expect(filled[2 * 25 + 2 * 5 + 2]).toBe(1);
    expect(filled[1 * 25 + 1 * 5 + 1]).toBe(0);
    mask[2 * 25 + 2 * 5 + 1] = 0; // a channel to the outside
    expect(fillHoles(mask, shape)[2 * 25 + 2 * 5 + 2]).toBe(0);
  });

  it('copes with masks that are all or nothing', () => {
    expect(fillHoles(new Uint8Array(60), [3, 4, 5])).toEqual(new Uint8Array(60));
    expect(fillHoles(new Uint8Array(60).fill(9), [3, 4, 5])).toEqual(new Uint8Array(60).fill(1));
  });
});

describe('boundingBox', () => {
  it('is tight', () => {
    const random = uniform(3);
    for (let run = 0; run < 20; run++) {
      const mask = new Uint8Array(6 * 7 * 8).map(() => (random() < 0.01 ? 1 : 0));
      const box = boundingBox(mask, [6, 7, 8]);
      const at: number[][] = [];
      mask.forEach((v, i) => {
        if (v) at.push([Math.floor(i / 56), Math.floor(i / 8) % 7, i % 8]);
      });
      if (at.length === 0) expect(box).toBeUndefined();
      else {
        for (let a = 0; a < 3; a++) {
          expect(box!.start[a]).toBe(Math.min(...at.map((p) => p[a]!)));
          expect(box!.end[a]).toBe(Math.max(...at.map((p) => p[a]!)) + 1);
        }
      }
    }
  });
});

describe('cropToBox, uncrop, pad', () => {
  const shape: Triple = [5, 6, 7];
  const affine = gridAffine('LPI', shape, [2, 1.5, 1], 0.3);
  const volume = makeVolume({ data: new Float32Array(420).map((_, i) => i + 1), channels: 2, shape, affine });
  const box = { start: [1, 2, 3] as Triple, end: [4, 4, 7] as Triple };

  it('keep values and world positions', () => {
    const crop = cropToBox(volume, box);
    expect(crop.shape).toEqual([3, 2, 4]);
    expect(boxShape(box)).toEqual([3, 2, 4]);
    for (const c of [0, 1]) {
      for (let d = 0; d < 3; d++)
        for (let h = 0; h < 2; h++)
          for (let w = 0; w < 4; w++) {
            expect(crop.data[((c * 3 + d) * 2 + h) * 4 + w]).toBe(
              volume.data[((c * 5 + d + 1) * 6 + h + 2) * 7 + w + 3],
            );
          }
    }
    expectAllclose(voxelToWorld(crop.affine, [0, 1, 2]), voxelToWorld(volume.affine, [1, 3, 5]), { atol: 1e-12 });
  });

  it('are undone', () => {
    const back = uncrop(cropToBox(volume, box), box, shape, -5);
    expectAllclose(back.affine, volume.affine, { atol: 1e-12 });
    let inside = 0;
    back.data.forEach((v, i) => {
      if (v === -5) return;
      inside++;
      expect(v).toBe(volume.data[i]);
    });
    expect(inside).toBe(2 * 24);
    const padded = pad(volume, [1, 0, 2], [0, 3, 1], 9);
    expect(padded.shape).toEqual([6, 9, 10]);
    const { data, affine: a } = cropToBox(padded, { start: [1, 0, 2], end: [6, 6, 9] });
    expect(data).toEqual(volume.data);
    expectAllclose(a, volume.affine, { atol: 1e-12 });
  });

  it('padToShape puts the odd voxel behind', () => {
    const { volume: padded, box: inner } = padToShape(volume, [8, 4, 8]);
    expect(padded.shape).toEqual([8, 6, 8]);
    expect(inner).toEqual({ start: [1, 0, 0], end: [6, 6, 7] });
    expect(cropToBox(padded, inner).data).toEqual(volume.data);
  });

  it('fills 64-bit volumes too', () => {
    const big = makeVolume({ data: BigInt64Array.of(5n), shape: [1, 1, 1] });
    expect(pad(big, [0, 0, 1], [0, 0, 0], -1).data).toEqual(BigInt64Array.of(-1n, 5n));
  });

  it('refuse boxes that leave the volume', () => {
    expect(() => cropToBox(volume, { start: [0, 0, 0], end: [5, 6, 8] })).toThrowErrorMatchingInlineSnapshot(
      `[GeometryError: cropToBox: box [0, 0, 0] to [5, 6, 8] is empty or leaves the volume [5, 6, 7] (axis 2); clip it first]`,
    );
    expect(() => uncrop(volume, box, shape)).toThrow(/does not fit a box/);
    expect(() => pad(volume, [-1, 0, 0], [0, 0, 0])).toThrow(/integers >= 0/);
  });
});

describe('cropToNonZero (nnU-Net)', () => {
  // Two channels on 4 x 5 x 6: a hollow shell in the first, one voxel in the second.
  const shape: Triple = [5, 5, 6];
  const at = (d: number, h: number, w: number): number => (d * 5 + h) * 6 + w;
  const image = new Int16Array(2 * 150);
  for (let d = 1; d < 4; d++) for (let h = 1; h < 4; h++) for (let w = 1; w < 4; w++) image[at(d, h, w)] = 7;
  image[at(2, 2, 2)] = 0;
  image[150 + at(1, 1, 4)] = -3;
  const volume = makeVolume({ data: image, channels: 2, shape });

  it('takes the union of channels with holes filled', () => {
    const mask = nonZeroMask(volume);
    expect(mask[at(2, 2, 2)]).toBe(1);
    expect(mask[at(1, 1, 4)]).toBe(1);
    expect(mask.reduce((a, b) => a + b, 0)).toBe(28);
  });

  it('marks background outside the mask with -1', () => {
    const label = new Uint8Array(150);
    label[at(2, 2, 2)] = 2;
    label[at(2, 2, 4)] = 1; // outside the mask, inside the box: stays
    const crop = cropToNonZero(volume, makeVolume({ data: label, shape }));
    expect(crop.box).toEqual({ start: [1, 1, 1], end: [4, 4, 5] });
    expect(crop.image.shape).toEqual([3, 3, 4]);
    expect(crop.label.data).toBeInstanceOf(Int8Array);
    expect(crop.label.data[(1 * 3 + 1) * 4 + 1]).toBe(2);
    expect(crop.label.data[(1 * 3 + 1) * 4 + 3]).toBe(1);
    expect(crop.label.data[(2 * 3 + 2) * 4 + 3]).toBe(-1);
    expect(crop.label.data[0]).toBe(0);
    expect([...crop.label.data].filter((v) => v === -1).length).toBe(36 - 28 - 1);
    const back = uncrop(crop.image, crop.box, crop.originalShape);
    expect(back.data).toEqual(image);
  });

  it('makes a map of 0 and -1 without a label, keeps an empty image whole', () => {
    expect(new Set(cropToNonZero(volume).label.data)).toEqual(new Set([0, -1]));
    const empty = cropToNonZero(makeVolume({ data: new Float32Array(24), shape: [2, 3, 4] }));
    expect(empty.image.shape).toEqual([2, 3, 4]);
    expect(new Set(empty.label.data)).toEqual(new Set([-1]));
  });

  it('widens the label type as needed and refuses another grid', () => {
    const label = (value: number): ReturnType<typeof cropToNonZero> =>
      cropToNonZero(volume, makeVolume({ data: new Int32Array(150).fill(value), shape }));
    expect(label(127).label.data).toBeInstanceOf(Int8Array);
    expect(label(128).label.data).toBeInstanceOf(Int16Array);
    expect(label(40000).label.data).toBeInstanceOf(Int32Array);
    expect(() => cropToNonZero(volume, makeVolume({ data: new Uint8Array(24), shape: [2, 3, 4] }))).toThrow(/differ/);
  });
});
