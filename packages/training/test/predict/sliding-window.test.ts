/** Sliding window: what goes in comes out, whatever the sizes; flips are undone; memory and order of the planes. */
import type { Triple } from '@revoxel/imaging';
import { describe, expect, it } from 'vitest';
import { slideWindow, type InferTile, type SlidingWindowOptions } from '../../src/predict/sliding-window.js';

const voxels = (s: Triple): number => s[0] * s[1] * s[2];
const wave = (shape: Triple, channels = 1): Float32Array =>
  Float32Array.from({ length: channels * voxels(shape) }, (_, i) => Math.sin(0.11 * i + 1));

async function slide(
  shape: Triple,
  options: SlidingWindowOptions,
  infer: InferTile,
  channels = 1,
): Promise<{ out: Float32Array; firsts: number[] }> {
  const out = new Float32Array(options.classes * voxels(shape)).fill(Number.NaN);
  const firsts: number[] = [];
  const area = shape[1] * shape[2];
  await slideWindow(wave(shape, channels), channels, shape, options, infer, (planes, first, count) => {
    firsts.push(first);
    for (let c = 0; c < options.classes; c++)
      out.set(planes.subarray(c * count * area, (c + 1) * count * area), (c * shape[0] + first) * area);
  });
  return { out, firsts };
}

/** Two classes: the tile itself, and its negative. */
const both: InferTile = (tile) => {
  const out = new Float32Array(2 * tile.length);
  tile.forEach((v, i) => {
    out[i] = v;
    out[tile.length + i] = -v;
  });
  return Promise.resolve(out);
};

describe('slideWindow', () => {
  it.each<[Triple, Triple]>([
    [
      [20, 17, 23],
      [8, 8, 8],
    ],
    [
      [8, 8, 8],
      [8, 8, 8],
    ],
    [
      [5, 20, 6],
      [8, 8, 8],
    ],
    [
      [31, 4, 9],
      [16, 8, 4],
    ],
  ])('image %j, patch %j: an identity network gives the image back', async (shape, patch) => {
    const { out, firsts } = await slide(shape, { patch, classes: 2 }, both);
    const image = wave(shape);
    image.forEach((v, i) => {
      expect(out[i]).toBeCloseTo(v, 5);
      expect(out[image.length + i]).toBeCloseTo(-v, 5);
    });
    expect(firsts).toEqual([...firsts].sort((a, b) => a - b));
  });

  it('averages over flips and undoes them', async () => {
    const seen: string[] = [];
    // A network that knows left from right: it adds a ramp along W. Averaged over flips of W, the ramp becomes its mean.
    const ramp: InferTile = (tile) => {
      seen.push(tile.slice(0, 3).join());
      return Promise.resolve(tile.map((v, i) => v + (i % 8)));
    };
    const shape: Triple = [8, 8, 8];
    const { out } = await slide(shape, { patch: shape, classes: 1, mirrorAxes: [0, 2] }, ramp);
    wave(shape).forEach((v, i) => expect(out[i]).toBeCloseTo(v + 3.5, 5));
    expect(new Set(seen).size).toBe(4);
  });

  it('pads small images with zeros on both sides', async () => {
    let tile: Float32Array | undefined;
    await slide([2, 2, 2], { patch: [4, 4, 4], classes: 1 }, (t) => {
      tile = t.slice();
      return Promise.resolve(t);
    });
    const image = wave([2, 2, 2]);
    expect(tile!.filter((v) => v !== 0)).toEqual(image);
    expect(tile![(1 * 4 + 1) * 4 + 1]).toBe(image[0]);
  });

  it('trusts the centre of a tile more than its border', async () => {
    let n = 0;
    const numbered: InferTile = (tile) => Promise.resolve(new Float32Array(tile.length).fill(n++));
    const { out } = await slide([12, 8, 8], { patch: [8, 8, 8], classes: 1 }, numbered);
    expect(out[0]).toBe(0);
    expect(out[out.length - 1]).toBe(1);
    expect(out[5 * 64]).toBeLessThan(0.5);
    expect(out[7 * 64]).toBeGreaterThan(0.5);
  });

  it('reports tiles and stops when asked to', async () => {
    const reports: string[] = [];
    const stop = new AbortController();
    const run = slide(
      [20, 8, 8],
      {
        patch: [8, 8, 8],
        classes: 1,
        signal: stop.signal,
        onTile: (done, total) => {
          reports.push(`${done}/${total}`);
          if (done === 2) stop.abort(new Error('enough'));
        },
      },
      (t) => Promise.resolve(t),
    );
    await expect(run).rejects.toThrow('enough');
    expect(reports).toEqual(['1/4', '2/4']);
  });
});
