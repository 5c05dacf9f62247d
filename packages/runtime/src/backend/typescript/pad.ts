/** Fast path of `pad`: fill, then one box. */

import { physicalStrides } from '../../graph/shape.js';
import { shareOf } from '../executor/share.js';
import type { KernelOf } from '../kernel.js';
import { offsetOf } from '../reference/loops.js';
import { copyBox, inMemoryOrder } from './boxes.js';

export const padKernel: KernelOf<'pad'> = {
  parallel: true,
  run({ attrs: { value }, outputs, part, parts }) {
    const { data } = outputs[0]!;
    const { begin, end } = shareOf(data.length, part, parts);
    data.fill(value, begin, end);
  },
  then: [
    ({ attrs: { before }, inputs, outputs, part, parts }) => {
      const [x, y] = [inputs[0]!, outputs[0]!];
      const strides = physicalStrides(y.shape);
      const source = { data: x.data, offset: 0, strides: inMemoryOrder(physicalStrides(x.shape)) };
      const target = { data: y.data, offset: offsetOf(before, strides), strides: inMemoryOrder(strides) };
      copyBox(source, target, inMemoryOrder(x.shape), part, parts);
    },
  ],
};
