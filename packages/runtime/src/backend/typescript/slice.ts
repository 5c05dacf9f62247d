/** Fast path of `slice`. */

import { physicalStrides } from '../../graph/shape.js';
import type { KernelOf } from '../kernel.js';
import { offsetOf } from '../reference/loops.js';
import { copyBox, inMemoryOrder } from './boxes.js';

export const sliceKernel: KernelOf<'slice'> = {
  parallel: true,
  run({ attrs: { start }, inputs, outputs, part, parts }) {
    const [x, y] = [inputs[0]!, outputs[0]!];
    const strides = physicalStrides(x.shape);
    const source = { data: x.data, offset: offsetOf(start, strides), strides: inMemoryOrder(strides) };
    const target = { data: y.data, offset: 0, strides: inMemoryOrder(physicalStrides(y.shape)) };
    copyBox(source, target, inMemoryOrder(y.shape), part, parts);
  },
};
