/** Reference loop of `normAct`. */

import type { KernelOf } from '../kernel.js';
import { normWith } from './norm.js';

export const normActKernel: KernelOf<'normAct'> = {
  run: (context) => normWith(context, context.attrs.slope),
};
