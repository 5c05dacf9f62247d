/** Reference loop of `reshape`: elements keep their logical order, which is not their order in memory. */

import { physicalStrides } from '../../graph/shape.js';
import type { KernelOf } from '../kernel.js';
import { eachIndex, offsetOf } from './loops.js';

export const reshapeKernel: KernelOf<'reshape'> = {
  run({ inputs, outputs }) {
    const [x, y] = [inputs[0]!, outputs[0]!];
    const [sx, sy] = [physicalStrides(x.shape), physicalStrides(y.shape)];
    const logical = new Float64Array(x.data.length);
    let i = 0;
    eachIndex(x.shape, (index) => (logical[i++] = x.data[offsetOf(index, sx)]!));
    i = 0;
    eachIndex(y.shape, (index) => (y.data[offsetOf(index, sy)] = logical[i++]!));
  },
};
