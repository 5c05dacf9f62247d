/** Blocks of voxels as channels: the index arithmetic of `squeeze` and `resample` in the reference. */

import type { Shape } from '../../graph/shape.js';
import { at, eachVoxel, triple, volume } from './loops.js';

/** Calls `visit` for every block of voxels of a channel c of the larger tensor, with the offsets of its voxels and channels. */
export function eachBlock(
  large: Shape,
  small: Shape,
  block: readonly number[],
  order: 'offsetMajor' | 'channelMajor',
  visit: (c: number, voxels: readonly number[], channels: readonly number[]) => void,
): void {
  const [from, to] = [volume(large), volume(small)];
  const size = triple(block, 1);
  const count = size[0] * size[1] * size[2];
  for (let n = 0; n < from.n; n++) {
    for (let c = 0; c < from.c; c++) {
      eachVoxel(to.size, (z, y, x) => {
        const voxels: number[] = [];
        const channels: number[] = [];
        eachVoxel(size, (oz, oy, ox) => {
          const o = voxels.length;
          voxels.push(at(from, n, c, z * size[0] + oz, y * size[1] + oy, x * size[2] + ox));
          channels.push(at(to, n, order === 'offsetMajor' ? o * from.c + c : c * count + o, z, y, x));
        });
        visit(c, voxels, channels);
      });
    }
  }
}
