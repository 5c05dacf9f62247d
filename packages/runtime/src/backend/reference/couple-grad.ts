/** Reference loop of `coupleGrad`: dy where the integer that was added is below the limit. */

import { addLimit } from '../../ops/fixed-point.js';
import type { KernelOf } from '../kernel.js';
import { onGrid, wrapped } from './fixed-point.js';

export const coupleGradKernel: KernelOf<'coupleGrad'> = {
  run({ attrs: { to, from }, inputs, outputs }) {
    const [first, second, third] = [inputs[0]!.data, inputs[1]!.data, inputs[2]!.data];
    const dy = from === 'f' ? second : third;
    const df = outputs[0]!.data;
    for (let i = 0; i < df.length; i++) {
      const q = from === 'f' ? onGrid(first[i]!, third[0]!, to) : wrapped(second[i]! - first[i]!, to);
      df[i] = Math.abs(q) < addLimit(to) ? dy[i]! : 0;
    }
  },
};
