/** Where the voxels of a block and the channels they become lie: index arithmetic of the invertible resampling. */

import { physicalStrides, type Shape } from '../../graph/shape.js';

/** Blocks in rows along the last spatial axis. */
export interface BlockGrid {
  readonly rows: number;
  /** Blocks of a row. */
  readonly columns: number;
  /** Channels of the large tensor. */
  readonly channels: number;
  /** From one block of a row to the next, in the large and in the small tensor. */
  readonly largeStep: number;
  readonly smallStep: number;
  /** From the first voxel of a block to each of its voxels. */
  readonly voxels: Int32Array;
  /** From one channel of a block to the next, and from the block's place to the first one of channel c. */
  readonly channelStep: number;
  firstChannel(c: number): number;
  /** First element of a row, in both tensors. */
  at(row: number): { readonly large: number; readonly small: number };
}

export function blockGrid(
  large: Shape,
  small: Shape,
  stride: readonly number[],
  order: 'offsetMajor' | 'channelMajor',
): BlockGrid {
  const [from, to] = [physicalStrides(large), physicalStrides(small)];
  const [channels, last] = [large[1]!, stride.length - 1];
  const size = small.slice(2);
  const offsets = stride.reduce<number[]>(
    (outer, s, axis) => outer.flatMap((o) => Array.from({ length: s }, (_, i) => o + i * from[axis + 2]!)),
    [0],
  );
  const count = offsets.length;
  return {
    rows: large[0]! * size.slice(0, -1).reduce((p, s) => p * s, 1),
    columns: size[last]!,
    channels,
    largeStep: from[last + 2]! * stride[last]!,
    smallStep: to[last + 2]!,
    voxels: Int32Array.from(offsets),
    channelStep: order === 'offsetMajor' ? channels : 1,
    firstChannel: (c) => (order === 'offsetMajor' ? c : c * count),
    at(row) {
      let rest = row;
      const place = { large: 0, small: 0 };
      for (let axis = last - 1; axis >= 0; axis--) {
        const index = rest % size[axis]!;
        rest = Math.floor(rest / size[axis]!);
        place.large += index * stride[axis]! * from[axis + 2]!;
        place.small += index * to[axis + 2]!;
      }
      return { large: place.large + rest * from[0]!, small: place.small + rest * to[0]! };
    },
  };
}
