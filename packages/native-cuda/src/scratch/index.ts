/** Scratch bytes of every call, so that a plan can be made on a machine without CUDA. One file a family. */

import type { KernelQuery } from '@revoxel/runtime';
import type { DeviceTraits } from '../device.js';
import { CONV_SCRATCH } from './conv.js';
import { NORM_SCRATCH } from './norm.js';
import { REDUCTION_SCRATCH } from './reduction.js';
import { SPATIAL_SCRATCH } from './spatial.js';
import { STREAMS_SCRATCH } from './streams.js';
import type { ScratchTable } from './table.js';

const TABLE: ScratchTable = {
  ...CONV_SCRATCH,
  ...NORM_SCRATCH,
  ...REDUCTION_SCRATCH,
  ...SPATIAL_SCRATCH,
  ...STREAMS_SCRATCH,
};

/** Bytes of scratch of a call. */
export function scratchBytes(query: KernelQuery, variant: number, device: DeviceTraits): number {
  const formula = TABLE[query.op] as
    ((query: KernelQuery, variant: number, device: DeviceTraits) => number) | undefined;
  return formula ? formula(query, variant, device) : 0;
}
