/** Reference loop of `squeeze`. */

import type { KernelOf } from '../kernel.js';
import { eachBlock } from './blocks.js';

export const squeezeKernel: KernelOf<'squeeze'> = {
  run({ attrs: { block, order, inverse }, inputs, outputs }) {
    const [x, y] = [inputs[0]!, outputs[0]!];
    const [large, small] = inverse ? [y, x] : [x, y];
    eachBlock(large.shape, small.shape, block, order, (_c, voxels, channels) => {
      voxels.forEach((voxel, o) => {
        const channel = channels[o]!;
        if (inverse) y.data[voxel] = x.data[channel]!;
        else y.data[channel] = x.data[voxel]!;
      });
    });
  },
};
