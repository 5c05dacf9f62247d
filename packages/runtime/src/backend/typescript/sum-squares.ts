/** Fast path of `sumSquares`: a partial sum per chunk of every operand, added in order. */

import { elementCount, type Shape } from '../../graph/shape.js';
import { shareOf } from '../executor/share.js';
import type { KernelContext, KernelOf } from '../kernel.js';

const CHUNK = 16 * 1024;

function chunksIn(elements: number): number {
  return Math.ceil(elements / CHUNK);
}

export function sumSquaresScratch(shapes: readonly Shape[]): number {
  return 8 * shapes.reduce((sum, s) => sum + chunksIn(elementCount(s)), 0);
}

function sums({ inputs, scratch64, part, parts }: KernelContext<unknown>): void {
  let total = 0;
  for (const { data } of inputs) total += chunksIn(data.length);
  const { begin, end } = shareOf(total, part, parts);
  let first = 0;
  for (const input of inputs) {
    const data = input.data as Float32Array;
    const chunks = chunksIn(data.length);
    for (let chunk = Math.max(begin - first, 0); chunk < Math.min(end - first, chunks); chunk++) {
      const last = Math.min((chunk + 1) * CHUNK, data.length);
      let sum = 0;
      for (let i = chunk * CHUNK; i < last; i++) sum += data[i]! * data[i]!;
      scratch64[first + chunk] = sum;
    }
    first += chunks;
  }
}

function finish({ inputs, outputs, scratch64, part }: KernelContext<unknown>): void {
  if (part !== 0) return;
  let total = 0;
  for (const { data } of inputs) total += chunksIn(data.length);
  let sum = 0;
  for (let i = 0; i < total; i++) sum += scratch64[i]!;
  outputs[0]!.data[0] = sum;
}

export const sumSquaresKernel: KernelOf<'sumSquares'> = { parallel: true, run: sums, then: [finish] };
