/** Reference loop of `sumSquares`. */

import type { KernelOf } from '../kernel.js';

export const sumSquaresKernel: KernelOf<'sumSquares'> = {
  run({ inputs, outputs }) {
    let sum = 0;
    for (const { data } of inputs) for (let i = 0; i < data.length; i++) sum += data[i]! * data[i]!;
    outputs[0]!.data[0] = sum;
  },
};
