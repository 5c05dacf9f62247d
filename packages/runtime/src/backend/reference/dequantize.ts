/** Reference loop of `dequantize`. */

import type { KernelOf } from '../kernel.js';
import { reader } from './fixed-point.js';

export const dequantizeKernel: KernelOf<'dequantize'> = {
  run({ inputs, outputs }) {
    const value = reader(inputs[0]!, inputs[1]!);
    const x = outputs[0]!.data;
    for (let i = 0; i < x.length; i++) x[i] = value(i);
  },
};
