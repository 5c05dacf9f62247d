/** Which slice of a volume to show: the one along the first axis (D) where the labels fill the most voxels. */

import type { Volume } from '@revoxel/imaging';
import type { SliceView } from './slice-svg.js';

/** The slice with the most labelled voxels of the reference (or of the prediction, without one). */
export function chooseSlice(title: string, image: Volume, prediction: Volume, reference?: Volume): SliceView {
  const [depth, height, width] = image.shape;
  const area = height * width;
  const labels = (reference ?? prediction).data;
  let best = Math.floor(depth / 2);
  let most = 0;
  for (let d = 0; d < depth; d++) {
    let count = 0;
    for (let i = d * area; i < (d + 1) * area; i++) if (Number(labels[i]) > 0) count++;
    if (count > most) [most, best] = [count, d];
  }
  const plane = (volume: Volume): Float64Array =>
    Float64Array.from({ length: area }, (_, i) => Number(volume.data[best * area + i]));
  // Rows of a RAS+ slice run from posterior to anterior; drawn top to bottom they would stand on their head.
  const flip = (values: Float64Array): Float64Array => {
    const out = new Float64Array(area);
    for (let h = 0; h < height; h++) out.set(values.subarray(h * width, (h + 1) * width), (height - 1 - h) * width);
    return out;
  };
  return {
    title: `${title}, slice ${best + 1} of ${depth}`,
    width,
    height,
    image: flip(plane(image)),
    prediction: flip(plane(prediction)),
    ...(reference ? { reference: flip(plane(reference)) } : {}),
    spacing: [image.spacing[1], image.spacing[2]],
  };
}
