/**
 * Fast path of `norm` and `normAct`: moments per chunk, one combination in fixed order, one pass that writes, from the
 * statistics as rounded to f32. A fixed-point x is first brought to floats in y, chunk by chunk, and y is then normalised
 * in place, so that every loop reads floats only and no scratch is needed.
 */

import { isFixed } from '../../graph/dtype.js';
import { shareOf } from '../executor/share.js';
import type { KernelContext, KernelOf, KernelTensor } from '../kernel.js';
import { dequantizeRange, stepOf, type FixedArray } from './fixed-point.js';
import { addMoments, chunkMoments, chunkRange, chunksOf, eachChunk, type Chunks, type Moments } from './moments.js';

export interface NormAttrs {
  readonly mode: 'group' | 'batch';
  readonly groups: number;
  readonly eps: number;
}

/** First element of a chunk, and the one behind its last. */
export function elementRange(chunks: Chunks, sample: number, chunk: number): { begin: number; end: number } {
  const range = chunkRange(chunks, chunk);
  const first = sample * chunks.voxels;
  return { begin: (first + range.begin) * chunks.channels, end: (first + range.end) * chunks.channels };
}

/** Bring a chunk of a fixed-point x to floats in y. */
export function stage(
  { inputs, outputs }: Pick<KernelContext<unknown>, 'inputs' | 'outputs'>,
  exponent: KernelTensor,
  { begin, end }: { readonly begin: number; readonly end: number },
): void {
  dequantizeRange(inputs[0]!.data as FixedArray, outputs[0]!.data as Float32Array, stepOf(exponent), begin, end);
}

/** Where x lies in floats: at its own place, or staged in y. */
export function floatSource({ inputs, outputs }: Pick<KernelContext<unknown>, 'inputs' | 'outputs'>): Float32Array {
  return (isFixed(inputs[0]!.dtype) ? outputs[0]! : inputs[0]!).data as Float32Array;
}

/** Phase 1: mean and squared distances of every channel of every chunk. */
function measure(context: KernelContext<NormAttrs>): void {
  const { inputs, scratch64, part, parts } = context;
  const exponent = inputs[3];
  const x = floatSource(context);
  const chunks = chunksOf(inputs[0]!.shape);
  const { channels, voxels, count } = chunks;
  eachChunk(chunks, part, parts, (sample, chunk) => {
    if (exponent) stage(context, exponent, elementRange(chunks, sample, chunk));
    const { begin, end } = chunkRange(chunks, chunk);
    chunkMoments(x, channels, sample * voxels + begin, end - begin, scratch64, (sample * count + chunk) * channels * 2);
  });
}

/** Phase 2: per statistic, all its chunks and channels. */
function combine({ attrs, inputs, outputs, scratch64, part, parts }: KernelContext<NormAttrs>): void {
  const chunks = chunksOf(inputs[0]!.shape);
  const { samples, channels, count } = chunks;
  const [mean, rstd] = [outputs[1]!.data, outputs[2]!.data];
  const width = attrs.mode === 'batch' ? 1 : channels / attrs.groups;
  const { begin, end } = shareOf(mean.length, part, parts);
  for (let k = begin; k < end; k++) {
    const total: Moments = { count: 0, mean: 0, distances: 0 };
    const firstSample = attrs.mode === 'batch' ? 0 : Math.floor(k / attrs.groups);
    const lastSample = attrs.mode === 'batch' ? samples - 1 : firstSample;
    const firstChannel = attrs.mode === 'batch' ? k : (k % attrs.groups) * width;
    for (let sample = firstSample; sample <= lastSample; sample++) {
      for (let chunk = 0; chunk < count; chunk++) {
        const range = chunkRange(chunks, chunk);
        const at = ((sample * count + chunk) * channels + firstChannel) * 2;
        for (let c = 0; c < width; c++)
          addMoments(total, range.end - range.begin, scratch64[at + 2 * c]!, scratch64[at + 2 * c + 1]!);
      }
    }
    mean[k] = total.mean;
    rstd[k] = 1 / Math.sqrt(total.distances / total.count + attrs.eps);
  }
}

/** What the last phase reads and writes. */
export interface NormApplication {
  readonly x: Float32Array;
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  readonly mean: Float32Array;
  readonly rstd: Float32Array;
  readonly y: Float32Array;
}

/** y = leaky ReLU ((x - mean) * (gamma * rstd) + beta) over one chunk; `slope` 1 is no activation. */
export function applyChunk(
  { mode, groups }: Pick<NormAttrs, 'mode' | 'groups'>,
  slope: number,
  { x, gamma, beta, mean, rstd, y }: NormApplication,
  chunks: Chunks,
  sample: number,
  chunk: number,
): void {
  const { channels } = chunks;
  const width = mode === 'batch' ? 1 : channels / groups;
  const { begin, end } = elementRange(chunks, sample, chunk);
  for (let c = 0; c < channels; c++) {
    const k = mode === 'batch' ? c : sample * groups + Math.floor(c / width);
    const center = mean[k]!;
    const factor = gamma[c]! * rstd[k]!;
    const offset = beta[c]!;
    for (let i = begin + c; i < end; i += channels) {
      const z = (x[i]! - center) * factor + offset;
      y[i] = z > 0 ? z : slope * z;
    }
  }
}

/** Phase 3: write. */
function write(context: KernelContext<NormAttrs>, slope: number): void {
  const { attrs, inputs, outputs, part, parts } = context;
  const floats = (t: KernelTensor | undefined): Float32Array => t!.data as Float32Array;
  const application = {
    x: floatSource(context),
    gamma: floats(inputs[1]),
    beta: floats(inputs[2]),
    mean: floats(outputs[1]),
    rstd: floats(outputs[2]),
    y: floats(outputs[0]),
  };
  const chunks = chunksOf(inputs[0]!.shape);
  eachChunk(chunks, part, parts, (sample, chunk) => applyChunk(attrs, slope, application, chunks, sample, chunk));
}

export const normKernel: KernelOf<'norm'> = {
  parallel: true,
  run: measure,
  then: [combine, (context) => write(context, 1)],
};

export const normActKernel: KernelOf<'normAct'> = {
  parallel: true,
  run: measure,
  then: [combine, (context) => write(context, context.attrs.slope)],
};
