/** Reference loop of `concat`. */

import { physicalStrides } from '../../graph/shape.js';
import type { KernelOf } from '../kernel.js';
import { eachIndex, offsetOf } from './loops.js';

export const concatKernel: KernelOf<'concat'> = {
  run({ attrs: { axis }, inputs, outputs }) {
    const y = outputs[0]!;
    const sy = physicalStrides(y.shape);
    let begin = 0;
    for (const x of inputs) {
      const sx = physicalStrides(x.shape);
      const base = begin * sy[axis]!;
      eachIndex(x.shape, (index) => (y.data[base + offsetOf(index, sy)] = x.data[offsetOf(index, sx)]!));
      begin += x.shape[axis]!;
    }
  },
};
