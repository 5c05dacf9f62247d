/** Fast path of `quantize`: elements are shared out, blocks are counted while they are in cache. */

import { addLimit, nearLimit } from '../../ops/fixed-point.js';
import { shareOf } from '../executor/share.js';
import type { KernelContext, KernelOf } from '../kernel.js';
import {
  activeWorkers,
  addRange,
  BLOCK,
  combineSlots,
  emptySlot,
  measureRange,
  stepOf,
  type FixedArray,
} from './fixed-point.js';
import type { AttrsFor } from './query.js';

function run(context: KernelContext<AttrsFor<'quantize'>>): void {
  const { attrs, inputs, outputs, part } = context;
  const active = activeWorkers(context);
  if (part >= active) return;
  const [x, k] = [inputs[0]!.data as Float32Array, outputs[0]!.data as FixedArray];
  const [limit, near] = [addLimit(attrs.to), nearLimit(attrs.to)];
  const scale = 1 / stepOf(inputs[1]!);
  const slot = emptySlot(context);
  const { begin, end } = shareOf(k.length, part, active);
  for (let first = begin; first < end; first += BLOCK) {
    const last = Math.min(first + BLOCK, end);
    addRange(undefined, x, k, scale, limit, slot, first, last);
    measureRange(k, near, slot, first, last);
  }
}

function finish(context: KernelContext<AttrsFor<'quantize'>>): void {
  if (context.part === 0) combineSlots(context, context.outputs[1]!, undefined);
}

export const quantizeKernel: KernelOf<'quantize'> = { parallel: true, run, then: [finish] };
