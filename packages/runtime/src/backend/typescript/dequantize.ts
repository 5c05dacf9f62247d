/** Fast path of `dequantize`: elements are shared out. */

import { shareOf } from '../executor/share.js';
import type { KernelOf } from '../kernel.js';
import { dequantizeRange, stepOf, type FixedArray } from './fixed-point.js';

export const dequantizeKernel: KernelOf<'dequantize'> = {
  parallel: true,
  run({ inputs, outputs, part, parts }) {
    const k = inputs[0]!.data as FixedArray;
    const { begin, end } = shareOf(k.length, part, parts);
    dequantizeRange(k, outputs[0]!.data as Float32Array, stepOf(inputs[1]!), begin, end);
  },
};
