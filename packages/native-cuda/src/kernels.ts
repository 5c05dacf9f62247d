/**
 * Which kernel runs a convolution, from shapes, dtypes and the device alone, and the form its weights take. Mirrors
 * native/kernels/conv-*.cuh.
 */

import type { KernelQuery } from '@revoxel/runtime';
import type { DeviceTraits } from './device.js';

/** f32 elements of the packed weights that a call wants, or 0 to read them plain. */
export function packedElements(_query: KernelQuery, _device: DeviceTraits): number {
  return 0;
}

/** Number of the kernel of a call: 0 is the one that takes everything. */
export function variantOf(_query: KernelQuery, _device: DeviceTraits): number {
  return 0;
}
