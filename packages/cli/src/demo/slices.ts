/**
 * A slice of a volume as a picture: grey values as a PNG, label borders as paths. For looking at, not for measuring.
 */
import type { Volume } from '@revoxel/imaging';
import { contours } from 'd3-contour';
import { PNG } from 'pngjs';

/** A plane of numbers, row by row; the first row is at the top of the picture. */
export interface Plane<A extends ArrayLike<number> = ArrayLike<number>> {
  readonly data: A;
  readonly width: number;
  readonly height: number;
}

/**
 * The axial plane (first array axis) at index `d`, turned so that anterior is up for a volume in RAS orientation and the
 * patient's left is on the right, as radiologists look at it.
 *
 * @param volume - one channel is shown, the first.
 */
export function axialPlane(volume: Volume, d: number): Plane<Float64Array> {
  const [, h, w] = volume.shape;
  const data = new Float64Array(h * w);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) data[y * w + x] = Number(volume.data[(d * h + (h - 1 - y)) * w + (w - 1 - x)]!);
  }
  return { data, width: w, height: h };
}

/** Index of the plane with the most voxels above 0; the middle one when there is none. */
export function fullestPlane(volume: Volume): number {
  const [d, h, w] = volume.shape;
  let best = Math.floor(d / 2);
  let most = 0;
  for (let z = 0; z < d; z++) {
    let count = 0;
    for (let i = z * h * w; i < (z + 1) * h * w; i++) if (volume.data[i]! > 0) count++;
    if (count > most) {
      most = count;
      best = z;
    }
  }
  return best;
}

/** Grey picture as a PNG in a data URI; the darkest and brightest percent are cut off. */
export function greyPng({ data, width, height }: Plane): string {
  const sorted = Float64Array.from(data).sort();
  const low = sorted[Math.floor(0.01 * (sorted.length - 1))]!;
  const high = sorted[Math.ceil(0.99 * (sorted.length - 1))]!;
  const png = new PNG({ width, height, colorType: 0 });
  for (let i = 0; i < data.length; i++) {
    const grey = high > low ? Math.round((255 * (Math.min(Math.max(data[i]!, low), high) - low)) / (high - low)) : 0;
    png.data.fill(grey, 4 * i, 4 * i + 3);
    png.data[4 * i + 3] = 255;
  }
  return `data:image/png;base64,${PNG.sync.write(png, { colorType: 0, inputColorType: 6 }).toString('base64')}`;
}

/** SVG path of the border of a label, pixels times `scale` (x, y); empty when the label is not in the plane. */
export function borderPath({ data, width, height }: Plane, label: number, scale: readonly [number, number]): string {
  const mask = Array.from(data, (v) => (v === label ? 1 : 0));
  const [shape] = contours().size([width, height]).smooth(true).thresholds([0.5])(mask);
  const rings = shape?.coordinates.flat() ?? [];
  return rings
    .map((ring) => `M${ring.map(([x, y]) => `${(x! * scale[0]).toFixed(1)},${(y! * scale[1]).toFixed(1)}`).join('L')}Z`)
    .join('');
}
