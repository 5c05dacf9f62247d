/** Kernel of `checkEqual`: throws where the checksums differ. */

import { ChecksumError } from '../../errors.js';
import type { KernelOf } from '../kernel.js';

export const checkEqualKernel: KernelOf<'checkEqual'> = {
  run({ name, inputs, outputs }) {
    const [a, b] = [inputs[0]!.data, inputs[1]!.data];
    for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) throw new ChecksumError(name);
    outputs[0]!.data[0] = 0;
  },
};
