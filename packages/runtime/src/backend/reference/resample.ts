/** Reference loop of `resample`: gathers a block, maps it, scatters it. */

import { isFixed, type FixedDType } from '../../graph/dtype.js';
import { physicalStrides } from '../../graph/shape.js';
import { forwardGivens, inverseGivens, liftsOf } from '../../linalg/givens.js';
import { goesUp } from '../../ops/resample.js';
import type { OpTable } from '../../ops/registry.js';
import type { AttrsOf } from '../../ops/schema.js';
import type { KernelOf, KernelTensor } from '../kernel.js';
import { eachBlock } from './blocks.js';
import { wrapped } from './fixed-point.js';
import { fixedMatrix, transposed, type Matrix } from './resample-matrix.js';

type Attrs = AttrsOf<OpTable['resample']['attrs']>;

/** Maps the numbers of one block of channel c, in place. */
export type BlockMap = (c: number, block: number[] | Float64Array) => void;

export const resampleKernel: KernelOf<'resample'> = {
  run({ attrs: a, inputs, outputs }) {
    const [x, y] = [inputs[0]!, outputs[0]!];
    const up = goesUp(a.form);
    const [large, small] = up ? [y.shape, x.shape] : [x.shape, y.shape];
    const map = mapOf(a, x, inputs[1]);
    eachBlock(large, small, a.stride, a.order, (c, voxels, channels) => {
      const block = (up ? channels : voxels).map((i) => x.data[i]!);
      map(c, block);
      (up ? voxels : channels).forEach((i, o) => (y.data[i] = block[o]!));
    });
  },
};

function mapOf(a: Attrs, x: KernelTensor, operand: KernelTensor | undefined): BlockMap {
  const matrices = matricesOf(a, x, operand);
  return matrices ? multiplyBy(matrices) : integerMap(a, x.dtype as FixedDType, operand);
}

/** What blocks are multiplied with, one matrix for every channel or one for all; none where integers are lifted. */
export function matricesOf(a: Attrs, x: KernelTensor, operand: KernelTensor | undefined): Matrix[] | undefined {
  if (a.kind === 'given') return givenMatrices(a, operand!);
  if (a.kind === 'haar' || (a.kind === 'lifting' && !isFixed(x.dtype))) return [fixedMatrix(a.kind, a.form, a.stride)];
  return undefined;
}

/** The exact maps of integers. */
export function integerMap(a: Attrs, dtype: FixedDType, angles: KernelTensor | undefined): BlockMap {
  return a.kind === 'lifting' ? integerLifting(a, dtype) : integerRotations(a, dtype, angles!);
}

function multiplyBy(matrices: readonly Matrix[]): BlockMap {
  return (c, block) => {
    const m = matrices[matrices.length === 1 ? 0 : c]!;
    const result = m.map((row) => row.reduce((sum, entry, k) => sum + entry * block[k]!, 0));
    result.forEach((value, o) => (block[o] = value));
  };
}

/** Q is orthogonal: its inverse is its transpose. */
function givenMatrices({ form }: Attrs, q: KernelTensor): Matrix[] {
  const [count, size] = [q.shape[0]!, q.shape[1]!];
  const [perMatrix, perRow, perColumn] = physicalStrides(q.shape);
  const index = Array.from({ length: size }, (_, i) => i);
  return Array.from({ length: count }, (_, c) => {
    const m = index.map((row) => index.map((column) => q.data[c * perMatrix! + row * perRow! + column * perColumn!]!));
    return form === 'forward' || form === 'inverseTranspose' ? m : transposed(m);
  });
}

/** The S-transform along z, then y, then x; back in the opposite order. */
function integerLifting({ stride, form }: Attrs, dtype: FixedDType): BlockMap {
  const axes = stride.map((size, axis) => ({ size, step: stride.slice(axis + 1).reduce((p, s) => p * s, 1) }));
  const halved = axes.filter(({ size }) => size === 2);
  if (form === 'inverse') halved.reverse();
  return (_c, block) => {
    for (const { step } of halved) {
      for (let i = 0; i < block.length; i++) {
        if (Math.floor(i / step) % 2 === 1) continue;
        const [first, second] = [block[i]!, block[i + step]!];
        if (form === 'forward') {
          const detail = wrapped(first - second, dtype);
          block[i] = wrapped(second + (detail >> 1), dtype);
          block[i + step] = detail;
        } else {
          const odd = wrapped(first - (second >> 1), dtype);
          block[i] = wrapped(second + odd, dtype);
          block[i + step] = odd;
        }
      }
    }
  };
}

function integerRotations({ form, stride }: Attrs, dtype: FixedDType, angles: KernelTensor): BlockMap {
  const [count, pairs] = [angles.shape[0]!, angles.shape[1]!];
  const size = stride.reduce((p, s) => p * s, 1);
  const lifts = Array.from({ length: count }, (_, c) =>
    liftsOf(size, angles.data.subarray(c * pairs, (c + 1) * pairs)),
  );
  const rotate = form === 'forward' ? forwardGivens : inverseGivens;
  return (c, block) => rotate(block, lifts[count === 1 ? 0 : c]!, (v) => wrapped(v, dtype));
}
