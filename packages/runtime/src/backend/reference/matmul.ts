/** Reference loop of `matmul`. */

import type { KernelOf } from '../kernel.js';

export const matmulKernel: KernelOf<'matmul'> = {
  run({ attrs: { transposeA, transposeB }, inputs, outputs }) {
    const [a, b, y] = [inputs[0]!, inputs[1]!, outputs[0]!];
    const [rows, columns] = [y.shape[0]!, y.shape[1]!];
    const inner = a.shape[transposeA ? 0 : 1]!;
    for (let m = 0; m < rows; m++) {
      for (let n = 0; n < columns; n++) {
        let sum = 0;
        for (let k = 0; k < inner; k++) {
          sum +=
            a.data[transposeA ? k * rows + m : m * inner + k]! * b.data[transposeB ? n * inner + k : k * columns + n]!;
        }
        y.data[m * columns + n] = sum;
      }
    }
  },
};
