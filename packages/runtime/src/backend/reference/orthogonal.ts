/** Kernel of `orthogonal`: the maps of `linalg/orthogonal.ts` in float64, one matrix after the other. */

import { physicalStrides } from '../../graph/shape.js';
import { orthogonalOf } from '../../linalg/orthogonal.js';
import type { KernelOf, KernelTensor } from '../kernel.js';

/** Row `c` of a [C, ...] tensor in logical order, as float64. */
export function rowOf({ data, shape }: KernelTensor, c: number): Float64Array {
  const [perMatrix, perRow, perColumn] = physicalStrides(shape);
  const begin = c * perMatrix!;
  if (shape.length === 2) return Float64Array.from({ length: shape[1]! }, (_, i) => data[begin + i * perRow!]!);
  const [rows, columns] = [shape[1]!, shape[2]!];
  return Float64Array.from(
    { length: rows * columns },
    (_, i) => data[begin + Math.floor(i / columns) * perRow! + (i % columns) * perColumn!]!,
  );
}

/** The reverse of `rowOf`. */
export function storeRow({ data, shape }: KernelTensor, c: number, row: Float64Array): void {
  const [perMatrix, perRow, perColumn] = physicalStrides(shape);
  const columns = shape[2] ?? 1;
  row.forEach((value, i) => {
    data[c * perMatrix! + Math.floor(i / columns) * perRow! + (i % columns) * (perColumn ?? 0)] = value;
  });
}

export const orthogonalKernel: KernelOf<'orthogonal'> = {
  run({ attrs: { kind, size }, inputs, outputs }) {
    const [w, q] = [inputs[0]!, outputs[0]!];
    for (let c = 0; c < w.shape[0]!; c++) storeRow(q, c, orthogonalOf(kind, rowOf(w, c), size));
  },
};
