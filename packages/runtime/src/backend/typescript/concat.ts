/** Fast path of `concat`: one box per operand. */

import { physicalStrides } from '../../graph/shape.js';
import type { KernelOf } from '../kernel.js';
import { copyBox, inMemoryOrder } from './boxes.js';

export const concatKernel: KernelOf<'concat'> = {
  parallel: true,
  run({ attrs: { axis }, inputs, outputs, part, parts }) {
    const y = outputs[0]!;
    const strides = physicalStrides(y.shape);
    let begin = 0;
    for (const x of inputs) {
      const source = { data: x.data, offset: 0, strides: inMemoryOrder(physicalStrides(x.shape)) };
      const target = { data: y.data, offset: begin * strides[axis]!, strides: inMemoryOrder(strides) };
      copyBox(source, target, inMemoryOrder(x.shape), part, parts);
      begin += x.shape[axis]!;
    }
  },
};
