/** Fast path of `split`: one box per piece. */

import { physicalStrides } from '../../graph/shape.js';
import type { KernelOf } from '../kernel.js';
import { copyBox, inMemoryOrder } from './boxes.js';

export const splitKernel: KernelOf<'split'> = {
  parallel: true,
  run({ inputs, outputs, part, parts }) {
    const x = inputs[0]!;
    const strides = physicalStrides(x.shape);
    let begin = 0;
    for (const y of outputs) {
      const source = { data: x.data, offset: begin * strides[1]!, strides: inMemoryOrder(strides) };
      const target = { data: y.data, offset: 0, strides: inMemoryOrder(physicalStrides(y.shape)) };
      copyBox(source, target, inMemoryOrder(y.shape), part, parts);
      begin += y.shape[1]!;
    }
  },
};
