/** Small cases for augmentation tests. */
import type { Triple } from '@revoxel/imaging';
import type { PatchCase } from '../../src/augment/patch-case.js';
import { Random } from '../../src/data/random.js';

/** A case of random voxels with boxes of labels 1 and 2. */
export function randomCase(id: string, shape: Triple, channels: number, seed: number): PatchCase {
  const [d, h, w] = shape;
  const n = d * h * w;
  const random = new Random({ seed, stream: 99 });
  const image = new Float32Array(channels * n);
  for (let i = 0; i < image.length; i++) image[i] = random.normal();
  const label = new Uint8Array(n);
  const locations: number[][] = [[], []];
  for (let z = 0, i = 0; z < d; z++) {
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++, i++) {
        const k = z >= d / 2 && y < h / 2 ? (x < w / 3 ? 1 : x > w / 2 ? 2 : 0) : 0;
        label[i] = k;
        if (k > 0) locations[k - 1]!.push(i);
      }
    }
  }
  return { id, channels, shape, image, label, locations: locations.map((l) => Uint32Array.from(l)) };
}
