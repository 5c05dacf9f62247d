/** Copying boxes between tensors: what concat, slice, pad, permute and broadcast have in common. Rows are shared out between the workers. */

import type { HostArray } from '../../graph/dtype.js';
import { shareOf } from '../executor/share.js';

/** A box seen from one tensor: offset of its first element and the step along every axis of the box. */
export interface BoxSide {
  readonly data: HostArray;
  readonly offset: number;
  readonly strides: readonly number[];
}

/**
 * target[...] = source[...] over a box.
 * @param size - per axis, in the order in which the target lies in memory, so that the last axis is its fastest.
 */
export function copyBox(source: BoxSide, target: BoxSide, size: readonly number[], part: number, parts: number): void {
  const last = size.length - 1;
  const length = last < 0 ? 1 : size[last]!;
  const rows = size.slice(0, -1).reduce((product, s) => product * s, 1);
  const fromStep = last < 0 ? 1 : source.strides[last]!;
  const toStep = last < 0 ? 1 : target.strides[last]!;
  const { begin, end } = shareOf(rows, part, parts);
  const index = new Array<number>(Math.max(last, 0)).fill(0);
  let rest = begin;
  for (let axis = last - 1; axis >= 0; axis--) {
    index[axis] = rest % size[axis]!;
    rest = Math.floor(rest / size[axis]!);
  }
  for (let row = begin; row < end; row++) {
    let from = source.offset;
    let to = target.offset;
    for (let axis = 0; axis < last; axis++) {
      from += index[axis]! * source.strides[axis]!;
      to += index[axis]! * target.strides[axis]!;
    }
    copyRow(source.data, from, fromStep, target.data, to, toStep, length);
    for (let axis = last - 1; axis >= 0; axis--) {
      index[axis]!++;
      if (index[axis]! < size[axis]!) break;
      index[axis] = 0;
    }
  }
}

function copyRow(
  source: HostArray,
  from: number,
  fromStep: number,
  target: HostArray,
  to: number,
  toStep: number,
  length: number,
): void {
  if (fromStep === 1 && toStep === 1) for (let i = 0; i < length; i++) target[to + i] = source[from + i]!;
  else for (let i = 0; i < length; i++) target[to + i * toStep] = source[from + i * fromStep]!;
}

/** Values given per logical axis, put into the order in which axes lie in memory. */
export function inMemoryOrder(perAxis: readonly number[]): number[] {
  return perAxis.length < 3 ? [...perAxis] : [perAxis[0]!, ...perAxis.slice(2), perAxis[1]!];
}
