/**
 * Which kernel runs a convolution, from shapes, dtypes and the device alone, and the form its weights take. Mirrors
 * native/kernels/conv-*.
 */

import type { KernelQuery } from '@revoxel/runtime';
import { CONV_PLAIN, inputChannels, isTensorConv, packedRow, tensorVariant } from './conv-tensor.js';
import type { DeviceTraits } from './device.js';
import { product } from './scratch/table.js';

/** f32 elements of the packed weights that a call wants, or 0 to read them plain. */
export function packedElements(query: KernelQuery, device: DeviceTraits): number {
  if ((query.op !== 'conv' && query.op !== 'convTranspose') || !isTensorConv(query, device)) return 0;
  const taps = product(query.attrs.kernel);
  // bf16 or f16: two in the place of an f32.
  if (query.op === 'conv') return (query.attrs.outChannels * packedRow(inputChannels(query), taps).length) / 2;
  return (query.attrs.channelCount * packedRow(query.inputs[0]!.shape[1]!, taps).length) / 2;
}

/** Number of the kernel of a call: 0 is the one that takes everything. */
export function variantOf(query: KernelQuery, device: DeviceTraits): number {
  switch (query.op) {
    case 'conv':
    case 'convTranspose':
      // Weights that are not parameters stay plain, and only the plain kernels read those.
      return query.attrs.form === 'packed' ? tensorVariant(query) : CONV_PLAIN;
    case 'convWeightGrad':
      return isTensorConv(query, device) ? tensorVariant(query) : CONV_PLAIN;
    default:
      return 0;
  }
}
