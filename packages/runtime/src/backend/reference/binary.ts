/** Reference loop of `binary`, with broadcasting. Integer results wrap around at the store. */

import { physicalStrides, type Shape } from '../../graph/shape.js';
import type { BinaryKind } from '../../ops/binary.js';
import type { KernelOf } from '../kernel.js';
import { eachIndex, offsetOf } from './loops.js';

/** One element of the result. */
export function binaryValue(kind: BinaryKind, a: number, b: number): number {
  switch (kind) {
    case 'add':
      return a + b;
    case 'sub':
      return a - b;
    case 'mul':
      return a * b;
    case 'div':
      return a / b;
    case 'max':
      return Math.max(a, b);
    case 'min':
      return Math.min(a, b);
    case 'greaterEqual':
      return a >= b ? 1 : 0;
    case 'less':
      return a < b ? 1 : 0;
    default:
      return kind satisfies never;
  }
}

/** Memory strides of an operand along the axes of the result; 0 where it is repeated. */
export function broadcastStrides(shape: Shape, result: Shape): number[] {
  if (shape.length === 0) return result.map(() => 0);
  return physicalStrides(shape).map((stride, axis) => (shape[axis] === 1 && result[axis] !== 1 ? 0 : stride));
}

export const binaryKernel: KernelOf<'binary'> = {
  run({ attrs: { kind }, inputs, outputs }) {
    const [a, b, y] = [inputs[0]!, inputs[1]!, outputs[0]!];
    const [sa, sb, sy] = [
      broadcastStrides(a.shape, y.shape),
      broadcastStrides(b.shape, y.shape),
      physicalStrides(y.shape),
    ];
    eachIndex(y.shape, (index) => {
      y.data[offsetOf(index, sy)] = binaryValue(kind, a.data[offsetOf(index, sa)]!, b.data[offsetOf(index, sb)]!);
    });
  },
};
