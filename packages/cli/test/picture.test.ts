import { PNG } from 'pngjs';
import { describe, expect, it } from 'vitest';
import { chooseSlice } from '../src/picture/choose-slice.js';
import { overviewSvg } from '../src/picture/overview.js';

const volume = (fill: (d: number, h: number, w: number) => number): Parameters<typeof chooseSlice>[1] => {
  const data = new Float32Array(3 * 4 * 5);
  for (let d = 0; d < 3; d++)
    for (let h = 0; h < 4; h++) for (let w = 0; w < 5; w++) data[(d * 4 + h) * 5 + w] = fill(d, h, w);
  return { data, channels: 1, shape: [3, 4, 5], spacing: [1, 2, 1], affine: new Float64Array(16) };
};

describe('the picture of a run', () => {
  const image = volume((d, h, w) => d * 100 + h * 10 + w);
  const reference = volume((d, h, w) => (d === 2 && h === 1 && w >= 1 && w <= 3 ? 1 : 0));
  const prediction = volume((d, h, w) => (d === 2 && h === 1 && w >= 2 && w <= 4 ? 2 : 0));

  it('shows the slice with the most labelled voxels, anterior rows on top', () => {
    const view = chooseSlice('case', image, prediction, reference);
    expect(view.title).toBe('case, slice 3 of 3');
    expect([...Float64Array.from(view.image).subarray(0, 5)]).toEqual([230, 231, 232, 233, 234]);
    expect([...Float64Array.from(view.reference!).subarray(10, 15)]).toEqual([0, 1, 1, 1, 0]);
  });

  it('is one SVG with the image, both contours, a legend and the curves', () => {
    const svg = overviewSvg({
      title: 'a < b',
      slices: [chooseSlice('case', image, prediction, reference)],
      labels: ['head', 'tail'],
      charts: [
        {
          title: 'loss',
          xLabel: 'step',
          series: [
            {
              name: 'training',
              colour: '#000',
              points: [
                { x: 0, y: 1 },
                { x: 10, y: -0.5 },
                { x: 20, y: NaN },
              ],
            },
          ],
        },
      ],
    });
    expect(svg).toContain('a &lt; b');
    expect(svg).toContain('stroke="#e69f00"');
    expect(svg).toContain('stroke="#56b4e9"');
    expect(svg).not.toContain('NaN');
    // A row of three pixels has an outline of its corners only.
    const outline = /<path d="(M[^"]+)" fill="none" stroke="#e69f00"/.exec(svg)![1]!;
    expect(outline.match(/[\d.]+ [\d.]+/g)!.length).toBeGreaterThan(3);
    const png = PNG.sync.read(Buffer.from(/base64,([^"]+)/.exec(svg)![1]!, 'base64'));
    expect([png.width, png.height]).toEqual([5, 4]);
    expect(png.data[0]).toBeGreaterThan(png.data[4 * 5 * 3]!);
  });
});
