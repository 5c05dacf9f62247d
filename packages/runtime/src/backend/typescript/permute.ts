/** Fast path of `permute`. */

import { physicalStrides } from '../../graph/shape.js';
import type { KernelOf } from '../kernel.js';
import { copyBox, inMemoryOrder } from './boxes.js';

export const permuteKernel: KernelOf<'permute'> = {
  parallel: true,
  run({ attrs: { axes }, inputs, outputs, part, parts }) {
    const [x, y] = [inputs[0]!, outputs[0]!];
    const own = physicalStrides(x.shape);
    const source = { data: x.data, offset: 0, strides: inMemoryOrder(axes.map((axis) => own[axis]!)) };
    const target = { data: y.data, offset: 0, strides: inMemoryOrder(physicalStrides(y.shape)) };
    copyBox(source, target, inMemoryOrder(y.shape), part, parts);
  },
};
