/**
 * Fast path of `squeeze`: the permutation as one box over sample, voxel, offset in the block and channel. Rows run along
 * the channels of neighbouring voxels where these lie together on both sides, or along the last spatial axis where that
 * makes longer rows.
 */

import { physicalStrides } from '../../graph/shape.js';
import type { KernelOf } from '../kernel.js';
import { copyBox } from './boxes.js';

/** An axis of the box: its length, and its steps in the large and in the squeezed tensor. */
interface Axis {
  readonly size: number;
  readonly large: number;
  readonly small: number;
}

export const squeezeKernel: KernelOf<'squeeze'> = {
  parallel: true,
  run({ attrs: { block, order, inverse }, inputs, outputs, part, parts }) {
    const [large, small] = inverse ? [outputs[0]!, inputs[0]!] : [inputs[0]!, outputs[0]!];
    const axes = axesOf(large.shape, small.shape, block, order);
    const size = axes.map((a) => a.size);
    const side = { data: large.data, offset: 0, strides: axes.map((a) => a.large) };
    const squeezed = { data: small.data, offset: 0, strides: axes.map((a) => a.small) };
    if (inverse) copyBox(squeezed, side, size, part, parts);
    else copyBox(side, squeezed, size, part, parts);
  },
};

function axesOf(
  large: readonly number[],
  small: readonly number[],
  block: readonly number[],
  order: 'offsetMajor' | 'channelMajor',
): Axis[] {
  const [channels, voxels] = [large[1]!, block.reduce((p, b) => p * b, 1)];
  const [from, to] = [physicalStrides(large), physicalStrides(small)];
  const perOffset = order === 'offsetMajor' ? channels : 1;
  const sample = { size: large[0]!, large: from[0]!, small: to[0]! };
  const places = block.map((b, i): Axis => ({ size: small[i + 2]!, large: from[i + 2]! * b, small: to[i + 2]! }));
  const offsets = block.map((b, i): Axis => ({
    size: b,
    large: from[i + 2]!,
    small: perOffset * block.slice(i + 1).reduce((p, s) => p * s, 1),
  }));
  // Offset-major: the channels of neighbours along the last axis lie together on both sides, a run of b * C elements.
  const last = offsets.at(-1)!;
  const run =
    order === 'offsetMajor'
      ? [...offsets.slice(0, -1), { size: last.size * channels, large: 1, small: 1 }]
      : [...offsets, { size: channels, large: 1, small: voxels }];
  const row = places.at(-1)!;
  return run.at(-1)!.size >= row.size ? [sample, ...places, ...run] : [sample, ...places.slice(0, -1), ...run, row];
}
