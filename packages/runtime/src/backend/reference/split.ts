/** Reference loop of `split`. */

import { physicalStrides } from '../../graph/shape.js';
import type { KernelOf } from '../kernel.js';
import { eachIndex, offsetOf } from './loops.js';

export const splitKernel: KernelOf<'split'> = {
  run({ inputs, outputs }) {
    const x = inputs[0]!;
    const sx = physicalStrides(x.shape);
    let begin = 0;
    for (const y of outputs) {
      const sy = physicalStrides(y.shape);
      const base = begin * sx[1]!;
      eachIndex(y.shape, (index) => (y.data[offsetOf(index, sy)] = x.data[base + offsetOf(index, sx)]!));
      begin += y.shape[1]!;
    }
  },
};
