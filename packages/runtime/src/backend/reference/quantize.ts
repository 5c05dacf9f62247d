/** Reference loop of `quantize`. */

import type { KernelOf } from '../kernel.js';
import { AddStats, onGrid } from './fixed-point.js';

export const quantizeKernel: KernelOf<'quantize'> = {
  run({ attrs: { to }, inputs, outputs }) {
    const x = inputs[0]!.data;
    const exponent = inputs[1]!.data[0]!;
    const k = outputs[0]!.data;
    const stats = new AddStats(to, exponent);
    for (let i = 0; i < k.length; i++) {
      const f = x[i]!;
      k[i] = onGrid(f, exponent, to);
      stats.add(k[i]!, f);
    }
    stats.store(outputs[1]!);
  },
};
