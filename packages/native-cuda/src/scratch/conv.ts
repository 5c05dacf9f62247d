/** Scratch of the conv kernels: the mirror of what native/kernels/conv-*.cu check. */

import type { DeviceTraits } from '../device.js';
import { tensorConvScratch, tensorWeightGradScratch } from './conv-tensor.js';
import { product, type QueryOf, type ScratchTable } from './table.js';

/** Output channels and weights of one output channel that a block of the plain weight gradient computes. */
const TILE_OUT = 32;
const TILE_ROW = 128;
const PARTIAL_BYTES = 15_000_000;

/** Partial sums of the plain weight gradient: slices of the output voxels, none when there is but one. */
function plainWeightGrad({ attrs, inputs, outputs }: QueryOf<'convWeightGrad'>, device: DeviceTraits): number {
  const dy = inputs[attrs.pieces]!.shape;
  const [co, inGroup] = outputs[0]!.shape as [number, number];
  const outGroup = co / attrs.groups;
  const row = inGroup * product(attrs.kernel);
  const voxels = product(dy) / co;
  const sparse = attrs.groups > 1 && outGroup < TILE_OUT / 2;
  const tiles = sparse
    ? Math.ceil(co / TILE_OUT) * row
    : attrs.groups * Math.ceil(outGroup / TILE_OUT) * Math.ceil(row / TILE_ROW);
  const bytes = 4 * co * (row + (attrs.bias ? 1 : 0));
  const wanted = Math.floor(((sparse ? 8 : 4) * device.multiprocessors) / tiles);
  const slices = Math.max(1, Math.min(wanted, Math.floor(PARTIAL_BYTES / bytes), Math.ceil(voxels / 64)));
  return slices > 1 ? slices * bytes : 0;
}

export const CONV_SCRATCH: ScratchTable = {
  conv: (query, variant, device) => (variant === 0 ? 0 : tensorConvScratch(query, variant, device)),
  convTranspose: (query, variant, device) => (variant === 0 ? 0 : tensorConvScratch(query, variant, device)),
  convWeightGrad: (query, variant, device) =>
    variant === 0 ? plainWeightGrad(query, device) : tensorWeightGradScratch(query, variant, device),
};
