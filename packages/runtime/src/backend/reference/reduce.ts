/** Reference loop of `reduce`: a float64 sum per element of the result, in logical order of the operand. */

import { physicalStrides } from '../../graph/shape.js';
import type { KernelOf } from '../kernel.js';
import { eachIndex, offsetOf } from './loops.js';

export const reduceKernel: KernelOf<'reduce'> = {
  run({ attrs: { kind, axes, keepDims }, inputs, outputs }) {
    const [x, y] = [inputs[0]!, outputs[0]!];
    const sx = physicalStrides(x.shape);
    const own = physicalStrides(y.shape);
    let next = 0;
    const sy = x.shape.map((_, axis) => {
      const reduced = axes.includes(axis);
      const stride = reduced ? 0 : own[keepDims ? axis : next]!;
      if (!reduced) next++;
      return stride;
    });
    const sums = new Float64Array(y.data.length);
    eachIndex(x.shape, (index) => (sums[offsetOf(index, sy)]! += x.data[offsetOf(index, sx)]!));
    const count = kind === 'mean' ? axes.reduce((product, axis) => product * x.shape[axis]!, 1) : 1;
    sums.forEach((sum, i) => (y.data[i] = sum / count));
  },
};
