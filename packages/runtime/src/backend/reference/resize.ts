/** Reference loop of `resize`. */

import type { KernelOf } from '../kernel.js';
import { at, eachVoxel, volume } from './loops.js';

/** Source index and weight pairs of one output index along one axis. */
export function samples(
  mode: 'nearest' | 'linear',
  index: number,
  from: number,
  to: number,
): readonly (readonly [index: number, weight: number])[] {
  if (mode === 'nearest') return [[Math.min(Math.floor((index * from) / to), from - 1), 1]];
  const position = Math.min(Math.max(((index + 0.5) * from) / to - 0.5, 0), from - 1);
  const low = Math.floor(position);
  const high = Math.min(low + 1, from - 1);
  return [
    [low, 1 - (position - low)],
    [high, position - low],
  ];
}

export const resizeKernel: KernelOf<'resize'> = {
  run({ attrs: { mode }, inputs, outputs }) {
    const [x, y] = [inputs[0]!, outputs[0]!];
    const [xs, ys] = [volume(x.shape), volume(y.shape)];
    for (let n = 0; n < ys.n; n++) {
      eachVoxel(ys.size, (z, yy, xx) => {
        const [az, ay, ax] = [
          samples(mode, z, xs.size[0], ys.size[0]),
          samples(mode, yy, xs.size[1], ys.size[1]),
          samples(mode, xx, xs.size[2], ys.size[2]),
        ];
        for (let c = 0; c < ys.c; c++) {
          let sum = 0;
          for (const [iz, wz] of az)
            for (const [iy, wy] of ay)
              for (const [ix, wx] of ax) sum += wz * wy * wx * x.data[at(xs, n, c, iz, iy, ix)]!;
          y.data[at(ys, n, c, z, yy, xx)] = sum;
        }
      });
    }
  },
};
