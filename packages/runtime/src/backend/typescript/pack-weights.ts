/** Fast path of `packWeights`: the float64 form described in `weights.ts`, stored in a value of twice as many f32 elements. */

import { internal } from '../../errors.js';
import { elementCount } from '../../graph/shape.js';
import type { KernelContext, KernelOf } from '../kernel.js';
import type { AttrsFor } from './query.js';
import { forwardGroups, packInto, packedLength, transposedGroups } from './weights.js';

function pack({ attrs: a, inputs, outputs, part, parts }: KernelContext<AttrsFor<'packWeights'>>): void {
  const w = inputs[0]!;
  const stored = outputs[0]!.data;
  const [outChannels, perGroup] = [w.shape[0]!, w.shape[1]!];
  const kernel = w.shape.slice(2);
  const taps = elementCount(kernel);
  const groups =
    a.form === 'forward'
      ? forwardGroups(perGroup * a.groups, outChannels, a.groups, taps)
      : transposedGroups(perGroup * a.groups, outChannels, a.groups, taps, a.channelBegin, a.channelCount);
  const length = packedLength(groups, taps);
  if (stored.length !== 2 * length) internal(`packed weights take ${2 * length} elements, the plan has ${stored.length}`);
  packInto(new Float64Array(stored.buffer, stored.byteOffset, length), 0, w.data, a.form, groups, kernel, perGroup, part, parts);
}

export const packWeightsKernel: KernelOf<'packWeights'> = { parallel: true, run: pack };
