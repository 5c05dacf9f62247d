/** Fast path of `unaryGrad`: elements are shared out; leaky ReLU has a loop of its own. */

import { shareOf } from '../executor/share.js';
import type { KernelOf } from '../kernel.js';
import { unaryDerivative } from '../reference/math.js';

export const unaryGradKernel: KernelOf<'unaryGrad'> = {
  parallel: true,
  run({ attrs: { kind, slope }, inputs, outputs, part, parts }) {
    const x = inputs[0]!.data as Float32Array;
    const dy = inputs[1]!.data as Float32Array;
    const dx = outputs[0]!.data as Float32Array;
    const { begin, end } = shareOf(dx.length, part, parts);
    if (kind === 'leakyRelu') {
      for (let i = begin; i < end; i++) dx[i] = x[i]! > 0 ? dy[i]! : slope * dy[i]!;
    } else for (let i = begin; i < end; i++) dx[i] = unaryDerivative(kind, x[i]!, slope) * dy[i]!;
  },
};
