/** Reference loop of `broadcast`. */

import { physicalStrides } from '../../graph/shape.js';
import type { KernelOf } from '../kernel.js';
import { broadcastStrides } from './binary.js';
import { eachIndex, offsetOf } from './loops.js';

export const broadcastKernel: KernelOf<'broadcast'> = {
  run({ inputs, outputs }) {
    const [x, y] = [inputs[0]!, outputs[0]!];
    const [sx, sy] = [broadcastStrides(x.shape, y.shape), physicalStrides(y.shape)];
    eachIndex(y.shape, (index) => (y.data[offsetOf(index, sy)] = x.data[offsetOf(index, sx)]!));
  },
};
