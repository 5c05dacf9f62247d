/** Sizes of the tensor-core convolutions that plans depend on: mirrors native/kernels/conv-tensor.h. */

import { isNarrow } from '@revoxel/runtime';
import type { DeviceTraits } from './device.js';
import { product, type QueryOf } from './scratch/table.js';

/** Variants of conv, convTranspose and convWeightGrad. */
export const CONV_PLAIN = 0;
/** Every tap is fetched from memory: any kernel, stride, dilation. */
export const CONV_GATHER = 1;
/** 3x3x3 with stride 1: a brick of the input in shared memory. */
export const CONV_BRICK = 2;

/** Most input pieces, and largest stride of a transposed convolution, that the kernels take. */
const MAX_PIECES = 8;
const MAX_CLASSES = 4;
/** First devices whose tensor cores take a type. */
const OLDEST_TENSOR = { bf16: 80, f16: 75 } as const;
/** Below this many voxels a sum is better split among blocks than its input kept in bricks. */
const BRICK_VOXELS = 1000;

/** 16-bit numbers of one row of packed weights: [taps][channels] of one result channel. */
export function packedRow(channels: number, taps: number): { readonly pitch: number; readonly length: number } {
  const pitch = channels < 8 ? channels : Math.ceil(channels / 8) * 8;
  return { pitch, length: Math.ceil((taps * pitch) / 8) * 8 };
}

/** Channels of all pieces of a conv or convWeightGrad. */
export function inputChannels(query: QueryOf<'conv'> | QueryOf<'convWeightGrad'>): number {
  return query.inputs.slice(0, query.attrs.pieces).reduce((sum, piece) => sum + piece.shape[1]!, 0);
}

/** Whether the kernels take this call, whatever the form of its weights. */
export function isTensorConv(
  query: QueryOf<'conv'> | QueryOf<'convTranspose'> | QueryOf<'convWeightGrad'>,
  device: DeviceTraits,
): boolean {
  const { dtype } = query.inputs[0]!;
  if (!isNarrow(dtype) || query.attrs.groups !== 1 || device.capability < OLDEST_TENSOR[dtype]) return false;
  if (query.op === 'convTranspose') {
    const { stride } = query.attrs;
    // Few channels make taps and channels one axis, which classes of taps would tear apart.
    return stride.every((s) => s <= MAX_CLASSES) && (query.inputs[0]!.shape[1]! >= 8 || stride.every((s) => s === 1));
  }
  return query.attrs.pieces <= MAX_PIECES && query.inputs.every((t, i) => i >= query.attrs.pieces || t.dtype === dtype);
}

/** Which tensor-core kernel. `query` must satisfy `isTensorConv`. */
export function tensorVariant(
  query: QueryOf<'conv'> | QueryOf<'convTranspose'> | QueryOf<'convWeightGrad'>,
): typeof CONV_GATHER | typeof CONV_BRICK {
  // Bricks are built for bf16 only.
  if (query.inputs[0]!.dtype !== 'bf16') return CONV_GATHER;
  const { kernel, stride, dilation, padBefore } = query.attrs;
  const x = query.op === 'convTranspose' ? query.outputs[0]! : query.inputs[0]!;
  const y =
    query.op === 'conv'
      ? query.outputs[0]!
      : query.op === 'convTranspose'
        ? query.inputs[0]!
        : query.inputs[query.attrs.pieces]!;
  const size = x.shape.slice(2);
  const deep = kernel.length === 3 && kernel[0] === 3;
  const flat = kernel.length === 2 || kernel[0] === 1;
  const fits =
    (deep || (flat && query.op !== 'convWeightGrad')) &&
    kernel.every(
      (k, i) => (k === 3 && padBefore[i] === 1) || (flat && i === kernel.length - 3 && padBefore[i] === 0),
    ) &&
    stride.every((s) => s === 1) &&
    dilation.every((d) => d === 1) &&
    size.every((s, i) => s === y.shape[i + 2]!);
  const summed = query.op === 'conv' ? inputChannels(query) : y.shape[1]!;
  if (!fits || summed < 8 || product(size) < BRICK_VOXELS) return CONV_GATHER;
  if (query.op === 'convWeightGrad' && inputChannels(query) < 8) return CONV_GATHER;
  const brick = query.op === 'convWeightGrad' ? [2, 4, 8] : deep ? [2, 8, 8] : [1, 16, 16];
  const padded = product(size.map((s, i) => Math.ceil(s / brick[i + 3 - size.length]!) * brick[i + 3 - size.length]!));
  return product(size) * 2 >= padded ? CONV_BRICK : CONV_GATHER;
}
