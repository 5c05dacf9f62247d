/**
 * Scratch of every kernel and sizes of packed weights, as closed formulas: the mirror of what the C++ side checks
 * against (native/kernels/conv.h, native/ops/*). A plan can so be made on a machine without the addon. All counts of
 * floats are rounded up to 16 (one cache line).
 */

import type { KernelQuery, Shape } from '@revoxel/runtime';

const FLOAT = 4;
const DOUBLE = 8;

/** Elements of a block of the norm kernels (BLOCK in native/ops/norm-rows.cc). */
const NORM_BLOCK = 8192;
/** Results summed side by side by `reduce` (LANES in native/ops/reduce.cc). */
const REDUCE_LANES = 4096;
/** n x n matrices per thread of the orthogonal kernels (native/ops/small-matrix.h). */
const ORTHOGONAL_MATRICES = 9;
const ORTHOGONAL_GRAD_MATRICES = 38;

function ceil16(n: number): number {
  return 16 * Math.ceil(n / 16);
}

function product(list: readonly number[]): number {
  return list.reduce((p, n) => p * n, 1);
}

/** Result channels of packed weights, rounded up (channelPad in native/kernels/conv.h). */
function channelPad(channels: number): number {
  const rest = channels % 32;
  return channels - rest + (rest === 0 ? 0 : rest <= 4 ? 4 : 8 * Math.ceil(rest / 8));
}

/** Floats of weights packed for the forward pass. */
function packForwardSize(ci: number, co: number, taps: number, groups: number): number {
  return groups * channelPad(co / groups) * taps * (ci / groups) + 32;
}

/** Floats of weights packed for the input gradient. */
function packInputGradSize(ci: number, co: number, taps: number, groups: number): number {
  return groups * channelPad(ci / groups) * taps * (co / groups) + 32;
}

type QueryOf<K extends KernelQuery['op']> = Extract<KernelQuery, { op: K }>;

function inputChannels(query: QueryOf<'conv'> | QueryOf<'convWeightGrad'>): number {
  return query.inputs.slice(0, query.attrs.pieces).reduce((sum, t) => sum + t.shape[1]!, 0);
}

/** Floats of packed weights of a convolution, whatever form they come in. */
export function packedFloats(query: QueryOf<'conv'> | QueryOf<'convTranspose'>): number {
  const { attrs } = query;
  if (query.op === 'conv')
    return packForwardSize(inputChannels(query), query.attrs.outChannels, product(attrs.kernel), attrs.groups);
  return packInputGradSize(query.attrs.inChannels, query.inputs[0]!.shape[1]!, product(attrs.kernel), attrs.groups);
}

function convScratch(query: QueryOf<'conv'>): number {
  const own = ceil16(inputChannels(query));
  return FLOAT * (own + (query.attrs.form === 'plain' ? packedFloats(query) : 0));
}

function convTransposeScratch(query: QueryOf<'convTranspose'>): number {
  const own = ceil16(query.inputs[0]!.shape[1]!);
  return FLOAT * (own + (query.attrs.form === 'plain' ? packedFloats(query) : 0));
}

function convWeightGradScratch(query: QueryOf<'convWeightGrad'>, threads: number): number {
  const { attrs } = query;
  const dy = query.inputs[attrs.pieces]!.shape;
  const co = dy[1]!;
  const cig = inputChannels(query) / attrs.groups;
  const elements = co * product(attrs.kernel) * cig;
  const last = attrs.kernel.length - 1;
  const kw = attrs.kernel[last]!;
  const ow = dy[dy.length - 1]!;
  const base = ceil16(2 * threads * co);
  if (cig < 8) {
    const row =
      (product(attrs.kernel) / kw) * ((ow - 1) * attrs.stride[last]! + (kw - 1) * attrs.dilation[last]! + 1) * cig;
    return FLOAT * (base + threads * (ceil16(elements) + ceil16(row)));
  }
  const copies = Math.max(1, Math.min(threads, Math.floor(2 ** 22 / elements)));
  return FLOAT * (base + (copies - 1) * ceil16(elements));
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** Lanes of loops over rows of channels (periodOf in native/core/lanes.h). */
function lanePeriod(channels: number): number {
  if (channels >= 128) return channels;
  const unit = (channels * 16) / gcd(channels, 16);
  return unit * Math.ceil(128 / unit);
}

/** @param narrow - some tensor is not f32: blocks are widened. */
function normScratch(channels: number, narrow: boolean, threads: number): number {
  const c = ceil16(channels);
  const p = ceil16(lanePeriod(channels));
  const part = 2 * DOUBLE * c + 2 * FLOAT * p + (narrow ? 3 * FLOAT * Math.max(NORM_BLOCK, p) : 0);
  return 4 * DOUBLE * c + 5 * FLOAT * p + threads * part;
}

/** Factors of every channel: matrices of `given`, two numbers per rotation of `givens`. */
function resampleScratch({ attrs, inputs, outputs }: QueryOf<'resample'>): number {
  const voxels = product(attrs.stride);
  const up = attrs.form === 'inverse' || attrs.form === 'transpose';
  const lanes = ceil16(lanePeriod((up ? outputs[0]! : inputs[0]!).shape[1]!));
  if (attrs.kind === 'given') return FLOAT * voxels ** 2 * lanes;
  return attrs.kind === 'givens' ? DOUBLE * voxels * (voxels - 1) * lanes : 0;
}

/** Sums of every thread in both precisions. */
function resampleGradScratch({ attrs, inputs }: QueryOf<'resampleGrad'>, threads: number): number {
  const channels = inputs[0]!.shape[1]!;
  const sums = DOUBLE * ceil16(channels) + FLOAT * ceil16(lanePeriod(channels));
  return threads * product(attrs.stride) ** 2 * sums;
}

function orthogonalScratch(count: number, size: number, matrices: number, threads: number): number {
  return Math.min(count, threads) * DOUBLE * matrices * size ** 2;
}

/** Sampling tables (16 bytes an entry) and one row of floats per thread. */
function resizeScratch(small: Shape, large: Shape, threads: number): number {
  const entries = [...small.slice(2), ...large.slice(2)].reduce((sum, n) => sum + n, 0);
  // Two-dimensional tensors have a depth of 1 on both sides.
  const tables = ceil16(16 * (entries + (small.length === 4 ? 2 : 0)));
  const row = ceil16(Math.max(small[small.length - 1]!, large[large.length - 1]!) * small[1]!);
  return tables + FLOAT * row * threads;
}

/** Scratch bytes of a call with `threads` threads. */
export function scratchBytes(query: KernelQuery, threads: number): number {
  const x = query.inputs[0];
  const y = query.outputs[0]!;
  switch (query.op) {
    case 'conv':
      return convScratch(query);
    case 'convTranspose':
      return convTransposeScratch(query);
    case 'convWeightGrad':
      return convWeightGradScratch(query, threads);
    case 'norm':
    case 'normAct':
    case 'normApply':
    case 'normGrad':
    case 'normActGrad':
      return normScratch(
        x!.shape[1]!,
        query.inputs.some((t) => t.dtype !== 'f32'),
        threads,
      );
    case 'reduce':
      return threads * DOUBLE * Math.min(product(y.shape), REDUCE_LANES);
    case 'diceLoss':
      return threads * DOUBLE * ceil16(3 * x!.shape[1]!);
    case 'resize':
      return resizeScratch(x!.shape, y.shape, threads);
    case 'resizeGrad':
      return resizeScratch(y.shape, x!.shape, threads);
    case 'resample':
      return resampleScratch(query);
    case 'resampleGrad':
      return resampleGradScratch(query, threads);
    case 'orthogonal':
      return orthogonalScratch(y.shape[0]!, query.attrs.size, ORTHOGONAL_MATRICES, threads);
    case 'orthogonalGrad':
      return orthogonalScratch(query.inputs[1]!.shape[0]!, query.attrs.size, ORTHOGONAL_GRAD_MATRICES, threads);
    default:
      return 0;
  }
}
