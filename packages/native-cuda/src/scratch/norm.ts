/** Scratch of the norm kernels: the mirror of NormShape in native/kernels/norm-shape.cuh and of what native/ops checks. */

import { elementBytes, type Shape } from '@revoxel/runtime';
import type { DeviceTraits } from '../device.js';
import { product, type QueryOf, type ScratchTable } from './table.js';

const BLOCK = 256;
const CHUNK = 4;
/** Blocks a multiprocessor is given. */
const FORWARD_BLOCKS = 4;
const BACKWARD_BLOCKS = 3;
/** Bytes of Moments, GradSums, GradTerms and the two totals of a channel. */
const MOMENTS = 12;
const GRAD_SUMS = 8;
const GRAD_TERMS = 8;
const TOTALS = 16;

interface NormAttrs {
  readonly mode: 'group' | 'batch';
  readonly groups: number;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/**
 * Channels and groups of all sets, and results per channel of the first pass.
 * @param bytes - of an element of the widest operand. @param blocks - most of all sets together.
 */
function normShape(attrs: NormAttrs, shape: Shape, bytes: number, blocks: number) {
  const channels = shape[1]!;
  const batch = attrs.mode === 'batch';
  const sets = batch ? 1 : shape[0]!;
  const elements = product(shape) / sets;
  const widest = 16 / bytes;
  const pack = elements % widest === 0 ? widest : 1;
  const copies = pack / gcd(channels, pack);
  const period = (channels * copies) / pack;
  const tiles = Math.ceil(period / BLOCK);
  const rows = Math.floor(BLOCK / Math.ceil(period / tiles));
  const all = Math.ceil(elements / pack / (period * rows));
  const most = Math.max(Math.floor(blocks / (sets * tiles)), 1);
  const steps = Math.ceil(all / Math.min(Math.ceil(all / CHUNK), most));
  const slices = Math.ceil(all / steps);
  return { channels: sets * channels, groups: sets * (batch ? channels : attrs.groups), partials: copies * slices };
}

type Query = QueryOf<'norm' | 'normAct' | 'normGrad' | 'normActGrad'>;

function forward({ attrs, inputs }: Query, _variant: number, device: DeviceTraits): number {
  const [x] = inputs;
  const blocks = FORWARD_BLOCKS * device.multiprocessors;
  const { channels, partials } = normShape(attrs, x!.shape, elementBytes(x!.dtype), blocks);
  return MOMENTS * channels * partials;
}

function backward({ attrs, inputs, outputs }: Query, _variant: number, device: DeviceTraits): number {
  const [x, dx] = [inputs[0]!, outputs[0]!];
  const bytes = Math.max(elementBytes(x.dtype), elementBytes(dx.dtype));
  const { channels, groups, partials } = normShape(attrs, x.shape, bytes, BACKWARD_BLOCKS * device.multiprocessors);
  return TOTALS * channels + GRAD_TERMS * groups + GRAD_SUMS * channels * partials;
}

export const NORM_SCRATCH: ScratchTable = {
  norm: forward,
  normAct: forward,
  normGrad: backward,
  normActGrad: backward,
};
