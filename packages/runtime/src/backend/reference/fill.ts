/** Reference loop of `fill`. */

import type { KernelOf } from '../kernel.js';
import { converted } from './cast.js';

export const fillKernel: KernelOf<'fill'> = {
  run({ attrs: { value, dtype }, outputs }) {
    outputs[0]!.data.fill(converted(value, dtype));
  },
};
