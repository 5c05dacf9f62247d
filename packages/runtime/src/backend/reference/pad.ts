/** Reference loop of `pad`. */

import { physicalStrides } from '../../graph/shape.js';
import type { KernelOf } from '../kernel.js';
import { eachIndex, offsetOf } from './loops.js';

export const padKernel: KernelOf<'pad'> = {
  run({ attrs: { before, value }, inputs, outputs }) {
    const [x, y] = [inputs[0]!, outputs[0]!];
    const [sx, sy] = [physicalStrides(x.shape), physicalStrides(y.shape)];
    y.data.fill(value);
    const base = offsetOf(before, sy);
    eachIndex(x.shape, (index) => (y.data[base + offsetOf(index, sy)] = x.data[offsetOf(index, sx)]!));
  },
};
