/** Fast path of `resample`: rows of blocks are shared out; a block is gathered, mapped and scattered without allocating. */

import type { FixedDType } from '../../graph/dtype.js';
import { goesUp } from '../../ops/resample.js';
import { shareOf } from '../executor/share.js';
import type { KernelContext, KernelOf, KernelTensor } from '../kernel.js';
import { integerMap, matricesOf, type BlockMap } from '../reference/resample.js';
import { blockGrid } from './blocks.js';
import type { AttrsFor } from './query.js';

function run({ attrs: a, inputs, outputs, part, parts }: KernelContext<AttrsFor<'resample'>>): void {
  const [x, y] = [inputs[0]!, outputs[0]!];
  const up = goesUp(a.form);
  const grid = up ? blockGrid(y.shape, x.shape, a.stride, a.order) : blockGrid(x.shape, y.shape, a.stride, a.order);
  const { columns, channels, voxels, channelStep } = grid;
  const map = mapOf(a, x, inputs[1]);
  const [source, target] = [x.data, y.data];
  const block = new Float64Array(voxels.length);
  const { begin, end } = shareOf(grid.rows, part, parts);
  for (let row = begin; row < end; row++) {
    const place = grid.at(row);
    for (let column = 0; column < columns; column++) {
      for (let c = 0; c < channels; c++) {
        const large = place.large + column * grid.largeStep + c;
        const small = place.small + column * grid.smallStep + grid.firstChannel(c);
        if (up) {
          for (let k = 0; k < block.length; k++) block[k] = source[small + k * channelStep]!;
          map(c, block);
          for (let k = 0; k < block.length; k++) target[large + voxels[k]!] = block[k]!;
        } else {
          for (let k = 0; k < block.length; k++) block[k] = source[large + voxels[k]!]!;
          map(c, block);
          for (let k = 0; k < block.length; k++) target[small + k * channelStep] = block[k]!;
        }
      }
    }
  }
}

function mapOf(a: AttrsFor<'resample'>, x: KernelTensor, operand: KernelTensor | undefined): BlockMap {
  const matrices = matricesOf(a, x, operand)?.map((m) => Float64Array.from(m.flat()));
  if (!matrices) return integerMap(a, x.dtype as FixedDType, operand);
  const result = new Float64Array(Math.sqrt(matrices[0]!.length));
  return (c, block) => {
    const m = matrices[matrices.length === 1 ? 0 : c]!;
    for (let o = 0, at = 0; o < result.length; o++) {
      let sum = 0;
      for (let k = 0; k < result.length; k++, at++) sum += m[at]! * block[k]!;
      result[o] = sum;
    }
    for (let o = 0; o < result.length; o++) block[o] = result[o]!;
  };
}

export const resampleKernel: KernelOf<'resample'> = { parallel: true, run };
