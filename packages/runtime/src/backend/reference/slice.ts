/** Reference loop of `slice`. */

import { physicalStrides } from '../../graph/shape.js';
import type { KernelOf } from '../kernel.js';
import { eachIndex, offsetOf } from './loops.js';

export const sliceKernel: KernelOf<'slice'> = {
  run({ attrs: { start }, inputs, outputs }) {
    const [x, y] = [inputs[0]!, outputs[0]!];
    const [sx, sy] = [physicalStrides(x.shape), physicalStrides(y.shape)];
    const base = offsetOf(start, sx);
    eachIndex(y.shape, (index) => (y.data[offsetOf(index, sy)] = x.data[base + offsetOf(index, sx)]!));
  },
};
