/**
 * Fast path of `couple`. Elements are shared out; sums, statistics and checksum are passes over a block at a time, while
 * it is in cache. The result may lie where k lies: a block's checksum as an operand is taken before it is overwritten.
 */

import type { FixedDType } from '../../graph/dtype.js';
import { addLimit, nearLimit } from '../../ops/fixed-point.js';
import { shareOf } from '../executor/share.js';
import type { KernelContext, KernelOf } from '../kernel.js';
import {
  activeWorkers,
  addRange,
  BLOCK,
  checksumRange,
  combineSlots,
  emptySlot,
  measureRange,
  stepOf,
  type FixedArray,
} from './fixed-point.js';
import type { AttrsFor } from './query.js';

function run(context: KernelContext<AttrsFor<'couple'>>): void {
  const { attrs, inputs, outputs, part } = context;
  const active = activeWorkers(context);
  if (part >= active) return;
  const [k, result] = [inputs[0]!.data as FixedArray, outputs[0]!.data as FixedArray];
  const f = inputs[1]!.data as Float32Array;
  const dtype = inputs[0]!.dtype as FixedDType;
  const [limit, near] = [addLimit(dtype), nearLimit(dtype)];
  const adds = attrs.direction === 'add';
  const scale = (adds ? 1 : -1) / stepOf(inputs[2]!);
  const slot = emptySlot(context);
  const { begin, end } = shareOf(k.length, part, active);
  for (let first = begin; first < end; first += BLOCK) {
    const last = Math.min(first + BLOCK, end);
    if (attrs.checksum === 'input') checksumRange(k, slot, first, last);
    addRange(k, f, result, scale, limit, slot, first, last);
    if (adds) measureRange(result, near, slot, first, last);
    if (attrs.checksum === 'output') checksumRange(result, slot, first, last);
  }
}

function finish(context: KernelContext<AttrsFor<'couple'>>): void {
  if (context.part !== 0) return;
  const [, stats, checksum] = context.outputs;
  combineSlots(context, stats!, checksum);
  // A subtraction goes back to where an addition was counted.
  if (context.attrs.direction === 'sub') stats!.data.fill(0);
}

export const coupleKernel: KernelOf<'couple'> = { parallel: true, run, then: [finish] };
