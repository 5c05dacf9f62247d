/** Fast path of `resampleGrad`: channels are shared out, so that every sum is one worker's and has a fixed order; a shared matrix is one worker's. */

import { physicalStrides } from '../../graph/shape.js';
import { shareOf } from '../executor/share.js';
import type { KernelContext, KernelOf } from '../kernel.js';
import { blockGrid } from './blocks.js';
import type { AttrsFor } from './query.js';

function run({ attrs, inputs, outputs, part, parts }: KernelContext<AttrsFor<'resampleGrad'>>): void {
  const [large, small] = [inputs[0]!.data as Float32Array, inputs[1]!.data as Float32Array];
  const dm = outputs[0]!;
  const grid = blockGrid(inputs[0]!.shape, inputs[1]!.shape, attrs.stride, attrs.order);
  const { rows, columns, channels, voxels, channelStep } = grid;
  const size = voxels.length;
  const [perMatrix, perRow, perColumn] = physicalStrides(dm.shape);
  const share = attrs.shared ? shareOf(1, part, parts) : shareOf(channels, part, parts);
  for (let matrix = share.begin; matrix < share.end; matrix++) {
    const sums = new Float64Array(size * size);
    const [first, last] = attrs.shared ? [0, channels] : [matrix, matrix + 1];
    for (let c = first; c < last; c++) {
      for (let row = 0; row < rows; row++) {
        const place = grid.at(row);
        for (let column = 0; column < columns; column++) {
          const from = place.large + column * grid.largeStep + c;
          const to = place.small + column * grid.smallStep + grid.firstChannel(c);
          for (let o = 0, at = 0; o < size; o++) {
            const factor = small[to + o * channelStep]!;
            for (let k = 0; k < size; k++, at++) sums[at]! += factor * large[from + voxels[k]!]!;
          }
        }
      }
    }
    for (let o = 0; o < size; o++)
      for (let k = 0; k < size; k++) dm.data[matrix * perMatrix! + o * perRow! + k * perColumn!] = sums[o * size + k]!;
  }
}

export const resampleGradKernel: KernelOf<'resampleGrad'> = { parallel: true, run };
