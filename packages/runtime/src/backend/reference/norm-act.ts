/** Reference loop of `normAct`. */

import type { KernelOf } from '../kernel.js';
import { unaryValue } from './math.js';
import { normWith } from './norm.js';

export const normActKernel: KernelOf<'normAct'> = {
  run: (context) => normWith(context, (z) => unaryValue('leakyRelu', z, context.attrs.slope)),
};
