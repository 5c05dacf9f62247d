/** Scratch of the losses (partial sums of blocks) and of poolGrad (winners). The mirror of what native/ops checks. */

import type { DeviceTraits } from '../device.js';
import { product, type QueryOf, type ScratchTable } from './table.js';

const DOUBLE = 8;

/** Voxels that are worth a block, and blocks a multiprocessor at most (LOSS_VOXELS, LOSS_BLOCKS in native/kernels/losses.cuh). */
const VOXELS = 512;
const BLOCKS = 8;

/** Blocks that sum `voxels` voxels of each of `sets` sets. */
function lossBlocks(voxels: number, sets: number, device: DeviceTraits): number {
  const most = Math.ceil((BLOCKS * device.multiprocessors) / sets);
  return Math.max(1, Math.min(Math.ceil(voxels / VOXELS), most));
}

/** A loss and a count a block. */
function crossEntropyScratch({ inputs }: QueryOf<'crossEntropy'>, _variant: number, device: DeviceTraits): number {
  return 2 * DOUBLE * lossBlocks(product(inputs[1]!.shape), 1, device);
}

/** Three sums a class of every block, and of all blocks. */
function diceScratch({ attrs, inputs }: QueryOf<'diceLoss'>, _variant: number, device: DeviceTraits): number {
  const { shape } = inputs[0]!;
  const sets = attrs.batch ? 1 : shape[0]!;
  const voxels = product(inputs[1]!.shape) / sets;
  return DOUBLE * sets * 3 * shape[1]! * (lossBlocks(voxels, sets, device) + 1);
}

/** The winner of every window, unless windows tile the operand. */
function poolGradScratch({ attrs, inputs }: QueryOf<'poolGrad'>): number {
  const tiles = attrs.kernel.every((k, i) => k === attrs.stride[i]);
  return attrs.kind === 'max' && !tiles ? 2 * product(inputs[1]!.shape) : 0;
}

export const SPATIAL_SCRATCH: ScratchTable = {
  crossEntropy: crossEntropyScratch,
  diceLoss: diceScratch,
  poolGrad: poolGradScratch,
};
