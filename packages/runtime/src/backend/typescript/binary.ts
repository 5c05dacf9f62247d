/**
 * Fast path of `binary`: operands of one shape, a scalar second operand, or one value per channel; elements are shared
 * out. Other broadcasts run the reference loop on one worker.
 */

import { elementCount, sameShape, type Shape } from '../../graph/shape.js';
import { shareOf } from '../executor/share.js';
import type { KernelContext, KernelOf } from '../kernel.js';
import { binaryKernel as reference, binaryValue } from '../reference/binary.js';
import type { AttrsFor } from './query.js';

/** Period with which an operand repeats along the memory of the result, or 0 where it does not lie that way. */
function period(shape: Shape, result: Shape): number {
  if (sameShape(shape, result)) return elementCount(result);
  const count = elementCount(shape);
  if (count === 1) return 1;
  // One value per channel: channels vary fastest in memory of rank >= 2.
  return result.length >= 2 && count === result[1] && shape[1] === result[1] ? count : 0;
}

function run(context: KernelContext<AttrsFor<'binary'>>): void {
  const { attrs, inputs, outputs, part, parts } = context;
  const [a, b, y] = [inputs[0]!, inputs[1]!, outputs[0]!];
  const [pa, pb] = [period(a.shape, y.shape), period(b.shape, y.shape)];
  if (pa === 0 || pb === 0) {
    if (part === 0) reference.run(context);
    return;
  }
  const { begin, end } = shareOf(y.data.length, part, parts);
  const plain = pa === y.data.length && pb === y.data.length && y.data instanceof Float32Array;
  if (plain) same(attrs.kind, a.data as Float32Array, b.data as Float32Array, y.data as Float32Array, begin, end);
  else for (let i = begin; i < end; i++) y.data[i] = binaryValue(attrs.kind, a.data[i % pa]!, b.data[i % pb]!);
}

function same(
  kind: AttrsFor<'binary'>['kind'],
  a: Float32Array,
  b: Float32Array,
  y: Float32Array,
  begin: number,
  end: number,
): void {
  switch (kind) {
    case 'add':
      for (let i = begin; i < end; i++) y[i] = a[i]! + b[i]!;
      return;
    case 'sub':
      for (let i = begin; i < end; i++) y[i] = a[i]! - b[i]!;
      return;
    case 'mul':
      for (let i = begin; i < end; i++) y[i] = a[i]! * b[i]!;
      return;
    default:
      for (let i = begin; i < end; i++) y[i] = binaryValue(kind, a[i]!, b[i]!);
  }
}

export const binaryKernel: KernelOf<'binary'> = { parallel: true, run };
