/** Reference loop of `permute`. */

import { physicalStrides } from '../../graph/shape.js';
import type { KernelOf } from '../kernel.js';
import { eachIndex, offsetOf } from './loops.js';

export const permuteKernel: KernelOf<'permute'> = {
  run({ attrs: { axes }, inputs, outputs }) {
    const [x, y] = [inputs[0]!, outputs[0]!];
    const own = physicalStrides(x.shape);
    const sx = axes.map((axis) => own[axis]!);
    const sy = physicalStrides(y.shape);
    eachIndex(y.shape, (index) => (y.data[offsetOf(index, sy)] = x.data[offsetOf(index, sx)]!));
  },
};
