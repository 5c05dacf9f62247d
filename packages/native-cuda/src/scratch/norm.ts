/** Scratch of the norm kernels: the mirror of NormShape in native/kernels/norm-shape.cuh and of what native/ops checks. */

import { elementBytes, type DType, type Shape } from '@revoxel/runtime';
import type { DeviceTraits } from '../device.js';
import { product, type ScratchTable } from './table.js';

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

/** Channels and groups of all sets, and results per channel of the first pass. */
function normShape(attrs: NormAttrs, x: { readonly shape: Shape; readonly dtype: DType }, blocks: number) {
  const channels = x.shape[1]!;
  const batch = attrs.mode === 'batch';
  const sets = batch ? 1 : x.shape[0]!;
  const elements = product(x.shape) / sets;
  const widest = 16 / elementBytes(x.dtype);
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

type Formula = (
  query: { readonly attrs: NormAttrs; readonly inputs: readonly { readonly shape: Shape; readonly dtype: DType }[] },
  variant: number,
  device: DeviceTraits,
) => number;

const forward: Formula = ({ attrs, inputs }, _variant, device) => {
  const { channels, partials } = normShape(attrs, inputs[0]!, FORWARD_BLOCKS * device.multiprocessors);
  return MOMENTS * channels * partials;
};

const backward: Formula = ({ attrs, inputs }, _variant, device) => {
  const { channels, groups, partials } = normShape(attrs, inputs[0]!, BACKWARD_BLOCKS * device.multiprocessors);
  return TOTALS * channels + GRAD_TERMS * groups + GRAD_SUMS * channels * partials;
};

export const NORM_SCRATCH: ScratchTable = {
  norm: forward,
  normAct: forward,
  normGrad: backward,
  normActGrad: backward,
};
