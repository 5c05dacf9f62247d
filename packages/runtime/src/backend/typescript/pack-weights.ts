/** Fast path of `packWeights`: the float64 forms described in `weights.ts` and `winograd.ts`, stored in a value of twice as many f32 elements. */

import { internal } from '../../errors.js';
import { elementCount } from '../../graph/shape.js';
import type { KernelContext, KernelOf } from '../kernel.js';
import type { AttrsFor } from './query.js';
import { forwardGroups, packInto, packedLength, transposedGroups } from './weights.js';
import { packTransformed, winogradFits, winogradLength, winogradTile } from './winograd.js';

function pack({ attrs: a, inputs, outputs, part, parts }: KernelContext<AttrsFor<'packWeights'>>): void {
  const w = inputs[0]!;
  const stored = outputs[0]!.data;
  const target = new Float64Array(stored.buffer, stored.byteOffset, Math.floor(stored.length / 2));
  const [outChannels, perGroup] = [w.shape[0]!, w.shape[1]!];
  const kernel = w.shape.slice(2);
  const [ins, outs, local] =
    a.form === 'forward' ? [perGroup, outChannels, 0] : [outChannels, a.channelCount, a.channelBegin];
  if (winogradFits({ ...a, kernel }, ins, outs)) {
    check(stored.length, winogradLength(winogradTile(kernel)!, ins, outs));
    packTransformed(target, 0, w.data, a.form, kernel, ins, outs, local, perGroup, part, parts);
    return;
  }
  const taps = elementCount(kernel);
  const groups =
    a.form === 'forward'
      ? forwardGroups(perGroup * a.groups, outChannels, a.groups, taps)
      : transposedGroups(perGroup * a.groups, outChannels, a.groups, taps, a.channelBegin, a.channelCount);
  check(stored.length, packedLength(groups, taps));
  packInto(target, 0, w.data, a.form, groups, kernel, perGroup, part, parts);
}

function check(elements: number, length: number): void {
  if (elements !== 2 * length) internal(`packed weights take ${2 * length} elements, the plan has ${elements}`);
}

export const packWeightsKernel: KernelOf<'packWeights'> = { parallel: true, run: pack };
