/** Reference loop of `assign`. */

import type { KernelOf } from '../kernel.js';

export const assignKernel: KernelOf<'assign'> = {
  run({ inputs, outputs }) {
    outputs[0]!.data.set(inputs[1]!.data);
  },
};
