/** Reference loop of `resizeGrad`: every element of dy goes back to the voxels it was sampled from. */

import type { KernelOf } from '../kernel.js';
import { at, eachVoxel, volume } from './loops.js';
import { samples } from './resize.js';

export const resizeGradKernel: KernelOf<'resizeGrad'> = {
  run({ attrs: { mode }, inputs, outputs }) {
    const [dy, dx] = [inputs[0]!, outputs[0]!];
    const [ys, xs] = [volume(dy.shape), volume(dx.shape)];
    const sums = new Float64Array(dx.data.length);
    for (let n = 0; n < ys.n; n++) {
      eachVoxel(ys.size, (z, yy, xx) => {
        const [az, ay, ax] = [
          samples(mode, z, xs.size[0], ys.size[0]),
          samples(mode, yy, xs.size[1], ys.size[1]),
          samples(mode, xx, xs.size[2], ys.size[2]),
        ];
        for (let c = 0; c < ys.c; c++) {
          const grad = dy.data[at(ys, n, c, z, yy, xx)]!;
          for (const [iz, wz] of az)
            for (const [iy, wy] of ay)
              for (const [ix, wx] of ax) sums[at(xs, n, c, iz, iy, ix)]! += wz * wy * wx * grad;
        }
      });
    }
    dx.data.set(sums);
  },
};
