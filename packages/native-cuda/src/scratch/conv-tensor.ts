/** Scratch of the tensor-core convolutions: partial sums, as native/kernels/conv-tensor*.cu count them. */

import { CONV_BRICK, inputChannels, packedRow } from '../conv-tensor.js';
import type { DeviceTraits } from '../device.js';
import { product, type QueryOf } from './table.js';

const PARTIAL_BYTES = 15_000_000;
/** Voxels and (at most) channels of a block of the gather kernel, numbers of one step of its sum. */
const TILE_M = 128;
const TILE_K = 32;

function tileOf(channels: number): number {
  return channels <= 32 ? 32 : 64;
}

/** Classes of result positions along an axis of a transposed convolution: how many, and most taps of one. */
function classesOf(kernel: number, stride: number, pad: number, dilation: number): { count: number; taps: number } {
  let step = 1;
  while ((step * dilation) % stride !== 0) step++;
  let taps = 0;
  for (let r = 0; r < stride; r++) {
    let tap = 0;
    while (tap < kernel && (r + pad - tap * dilation) % stride !== 0) tap++;
    if (tap < kernel) taps = Math.max(taps, Math.ceil((kernel - tap) / step));
  }
  return { count: stride, taps };
}

/** Partial sums of conv and convTranspose, when their voxels do not fill the device. */
export function tensorConvScratch(
  query: QueryOf<'conv'> | QueryOf<'convTranspose'>,
  variant: number,
  device: DeviceTraits,
): number {
  if (variant === CONV_BRICK) return 0;
  const { kernel, stride, padBefore, dilation } = query.attrs;
  const [samples, results, ...size] = query.outputs[0]!.shape as [number, number, ...number[]];
  const axes = kernel.map((k, i) =>
    query.op === 'conv' ? { count: 1, taps: k } : classesOf(k, stride[i]!, padBefore[i]!, dilation[i]!),
  );
  const classes = product(axes.map((a) => a.count));
  const taps = product(axes.map((a) => a.taps));
  const channels = query.op === 'conv' ? inputChannels(query) : query.inputs[0]!.shape[1]!;
  const { pitch } = packedRow(channels, product(kernel));
  const rows = samples * product(size.map((s, i) => Math.ceil(s / axes[i]!.count)));
  const blocks = Math.ceil(rows / TILE_M) * classes * Math.ceil(results / tileOf(results));
  const steps = Math.ceil((taps * pitch) / TILE_K);
  const count = samples * results * product(size);
  const splits = Math.min(
    Math.floor((2 * device.multiprocessors) / blocks),
    Math.floor(steps / 4),
    Math.floor(PARTIAL_BYTES / (4 * count)),
  );
  return splits > 1 ? splits * count * 4 : 0;
}

/** Partial sums of the weight gradient: slices of voxels. */
export function tensorWeightGradScratch(
  query: QueryOf<'convWeightGrad'>,
  variant: number,
  device: DeviceTraits,
): number {
  const { kernel, pieces } = query.attrs;
  const [samples, co, ...size] = query.inputs[pieces]!.shape as [number, number, ...number[]];
  const ci = inputChannels(query);
  const numbers = co * ci * product(kernel) + co;
  let wanted: number;
  let most: number;
  if (variant === CONV_BRICK) {
    wanted = device.multiprocessors / (Math.ceil(co / 32) * Math.ceil(ci / 32));
    most = samples * Math.ceil(size[0]! / 2) * Math.ceil(size[1]! / 4) * Math.ceil(size[2]! / 8);
  } else {
    const { length } = packedRow(ci, product(kernel));
    wanted = (2 * device.multiprocessors) / (Math.ceil(length / (co <= 32 ? 256 : 128)) * Math.ceil(co / tileOf(co)));
    most = Math.ceil((samples * product(size)) / 128);
  }
  const slices = Math.min(Math.floor(wanted), most, Math.floor(PARTIAL_BYTES / (4 * numbers)));
  return slices > 1 ? slices * numbers * 4 : 0;
}
