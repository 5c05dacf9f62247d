/** Fast path of `broadcast`: a box whose source does not move along repeated axes. */

import { physicalStrides } from '../../graph/shape.js';
import type { KernelOf } from '../kernel.js';
import { broadcastStrides } from '../reference/binary.js';
import { copyBox, inMemoryOrder } from './boxes.js';

export const broadcastKernel: KernelOf<'broadcast'> = {
  parallel: true,
  run({ inputs, outputs, part, parts }) {
    const [x, y] = [inputs[0]!, outputs[0]!];
    const source = { data: x.data, offset: 0, strides: inMemoryOrder(broadcastStrides(x.shape, y.shape)) };
    const target = { data: y.data, offset: 0, strides: inMemoryOrder(physicalStrides(y.shape)) };
    copyBox(source, target, inMemoryOrder(y.shape), part, parts);
  },
};
