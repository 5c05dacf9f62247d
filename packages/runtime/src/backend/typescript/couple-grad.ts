/** Fast path of `coupleGrad`: elements are shared out. */

import { addLimit, fixedBits } from '../../ops/fixed-point.js';
import { shareOf } from '../executor/share.js';
import type { KernelContext, KernelOf } from '../kernel.js';
import { stepOf, type FixedArray } from './fixed-point.js';
import type { AttrsFor } from './query.js';

function run(context: KernelContext<AttrsFor<'coupleGrad'>>): void {
  const { attrs, inputs, outputs, part, parts } = context;
  const df = outputs[0]!.data as Float32Array;
  const { begin, end } = shareOf(df.length, part, parts);
  const limit = addLimit(attrs.to);
  if (attrs.from === 'f') {
    const [f, dy] = [inputs[0]!.data as Float32Array, inputs[1]!.data as Float32Array];
    // From here on f * 2^g rounds to the limit, an even number, or beyond. NaN is not that large: it counts as 0.
    const clamped = (limit - 0.5) * stepOf(inputs[2]!);
    for (let i = begin; i < end; i++) df[i] = Math.abs(f[i]!) >= clamped ? 0 : dy[i]!;
    return;
  }
  const [before, after] = [inputs[0]!.data as FixedArray, inputs[1]!.data as FixedArray];
  const dy = inputs[2]!.data as Float32Array;
  const shift = 32 - fixedBits(attrs.to);
  for (let i = begin; i < end; i++) {
    const q = ((after[i]! - before[i]!) << shift) >> shift;
    df[i] = q < limit && q > -limit ? dy[i]! : 0;
  }
}

export const coupleGradKernel: KernelOf<'coupleGrad'> = { parallel: true, run };
