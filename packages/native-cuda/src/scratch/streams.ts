/** Scratch of the streams kernels: the mirror of what native/ops checks. */

import type { DeviceTraits } from '../device.js';
import { product, type QueryOf, type ScratchTable } from './table.js';

/** Elements of a block of threads in one round, and blocks of a multiprocessor (native/kernels/grid-add.cuh). */
const GRID_ROUND = 8 * 256;
const GRID_BLOCKS = 4;
/** Bytes of the report of a block, and of the totals of a stream (native/ops/stream-update.cu). */
const REPORT = 24;
const TOTALS = 32;
const DOUBLE = 8;

function gridAddScratch(elements: number, { multiprocessors }: DeviceTraits): number {
  return REPORT * Math.max(1, Math.min(Math.ceil(elements / GRID_ROUND), GRID_BLOCKS * multiprocessors));
}

/** Most channels of a block of threads, and positions that a thread takes (native/ops/resample-grad.cu). */
const GRAD_CHANNELS = 32;
const GRAD_POSITIONS = 8;
const BLOCK = 256;

/** Sums of every slice of the positions in float64. */
function resampleGradScratch({ attrs, inputs }: QueryOf<'resampleGrad'>, { multiprocessors }: DeviceTraits): number {
  const voxels = product(attrs.stride);
  const channels = inputs[0]!.shape[1]!;
  const positions = product(inputs[0]!.shape) / (channels * voxels);
  const entries = channels * voxels ** 2;
  const tiles = Math.ceil(channels / GRAD_CHANNELS);
  const rows = Math.floor(BLOCK / Math.ceil(channels / tiles));
  const slices =
    voxels === 2 || voxels === 4 || voxels === 8
      ? Math.min(Math.ceil((2 * multiprocessors) / tiles), Math.ceil(positions / (GRAD_POSITIONS * rows)))
      : Math.min(Math.ceil(positions / (8 * GRAD_POSITIONS)), Math.floor((multiprocessors * 1024) / entries));
  return DOUBLE * entries * Math.max(1, slices);
}

/** Matrices of one result (native/ops/orthogonal.cu, orthogonal-grad.cu), and bytes of them that shared memory takes. */
const MATRICES = 9;
const GRAD_MATRICES = 38;
const SHARED_WORK = 40 * 2 ** 10;

function orthogonalScratch(count: number, size: number, matrices: number, { multiprocessors }: DeviceTraits): number {
  const own = DOUBLE * matrices * size ** 2;
  return own <= SHARED_WORK ? 0 : own * Math.min(count, multiprocessors);
}

export const STREAMS_SCRATCH: ScratchTable = {
  quantize: ({ outputs }, _variant, device) => gridAddScratch(product(outputs[0]!.shape), device),
  couple: ({ outputs }, _variant, device) => gridAddScratch(product(outputs[0]!.shape), device),
  streamUpdate: () => TOTALS,
  // Two numbers for every angle.
  resample: ({ attrs, inputs }) => (attrs.kind === 'givens' ? 2 * DOUBLE * product(inputs[1]!.shape) : 0),
  resampleGrad: (query, _variant, device) => resampleGradScratch(query, device),
  orthogonal: ({ attrs, outputs }, _variant, device) =>
    orthogonalScratch(outputs[0]!.shape[0]!, attrs.size, MATRICES, device),
  orthogonalGrad: ({ attrs, inputs }, _variant, device) =>
    orthogonalScratch(inputs[1]!.shape[0]!, attrs.size, GRAD_MATRICES, device),
};
