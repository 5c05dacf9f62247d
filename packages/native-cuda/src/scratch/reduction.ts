/** Scratch of the reduction kernels: the mirror of what native/ops checks. */

import { product, type QueryOf, type ScratchTable } from './table.js';
import type { DeviceTraits } from '../device.js';

const BLOCK = 256;

/** Partial sums in float64: slices of a long sum (slicesOf in native/ops/reduce.cu). */
function reduceScratch({ attrs, inputs, outputs }: QueryOf<'reduce'>, _variant: number, device: DeviceTraits): number {
  const { shape } = inputs[0]!;
  const results = product(outputs[0]!.shape);
  const length = product(shape) / results;
  // Channels are the contiguous axis, the others follow from the last to the first.
  const order = shape.map((_, axis) => axis).filter((axis) => axis !== 1 || shape.length < 3);
  const memory = shape.length < 3 ? order : [...order, 1];
  const inner = memory.filter((axis) => shape[axis] !== 1).pop();
  const columns = inner !== undefined && !attrs.axes.includes(inner);
  const blocks = columns ? Math.ceil(results / BLOCK) : results;
  const slices = Math.max(
    1,
    Math.min(Math.ceil((4 * device.multiprocessors) / blocks), Math.floor(length / (columns ? 512 : 8192))),
  );
  return slices > 1 ? slices * results * 8 : 0;
}

/** A float64 for every chunk of every operand (CHUNK in native/ops/sum-squares.cu). */
function sumSquaresScratch({ inputs }: QueryOf<'sumSquares'>): number {
  return inputs.reduce((bytes, { shape }) => bytes + Math.ceil(product(shape) / 16384) * 8, 0);
}

export const REDUCTION_SCRATCH: ScratchTable = { reduce: reduceScratch, sumSquares: sumSquaresScratch };
