/** Reference loop of `resampleGrad`. */

import { physicalStrides } from '../../graph/shape.js';
import type { KernelOf } from '../kernel.js';
import { eachBlock } from './blocks.js';

export const resampleGradKernel: KernelOf<'resampleGrad'> = {
  run({ attrs: { stride, order, shared }, inputs, outputs }) {
    const [large, small, dm] = [inputs[0]!, inputs[1]!, outputs[0]!];
    const [perMatrix, perRow, perColumn] = physicalStrides(dm.shape);
    const sums = new Float64Array(dm.data.length);
    eachBlock(large.shape, small.shape, stride, order, (c, voxels, channels) => {
      const begin = shared ? 0 : c * perMatrix!;
      channels.forEach((channel, o) => {
        voxels.forEach((voxel, k) => {
          sums[begin + o * perRow! + k * perColumn!]! += small.data[channel]! * large.data[voxel]!;
        });
      });
    });
    dm.data.set(sums);
  },
};
