/** Fast path of `norm` and `normAct`: moments per chunk, one combination in fixed order, one pass that writes. */

import { shareOf } from '../executor/share.js';
import type { KernelContext, KernelOf } from '../kernel.js';
import { addMoments, chunkMoments, chunkRange, chunksOf, eachChunk, type Moments } from './moments.js';

export interface NormAttrs {
  readonly mode: 'group' | 'batch';
  readonly groups: number;
  readonly eps: number;
}

/** Phase 1: mean and squared distances of every channel of every chunk. */
function measure({ inputs, scratch64, part, parts }: KernelContext<NormAttrs>): void {
  const x = inputs[0]!.data as Float32Array;
  const chunks = chunksOf(inputs[0]!.shape);
  const { channels, voxels, count } = chunks;
  eachChunk(chunks, part, parts, (sample, chunk) => {
    const { begin, end } = chunkRange(chunks, chunk);
    chunkMoments(x, channels, sample * voxels + begin, end - begin, scratch64, (sample * count + chunk) * channels * 2);
  });
}

/** Phase 2: per statistic, all its chunks and channels. Exact mean and 1/std go to scratch behind the chunks. */
function combine({ attrs, inputs, outputs, scratch64, part, parts }: KernelContext<NormAttrs>): void {
  const chunks = chunksOf(inputs[0]!.shape);
  const { samples, channels, count } = chunks;
  const [mean, rstd] = [outputs[1]!.data, outputs[2]!.data];
  const results = samples * count * channels * 2;
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
    const scale = 1 / Math.sqrt(total.distances / total.count + attrs.eps);
    mean[k] = total.mean;
    rstd[k] = scale;
    scratch64[results + 2 * k] = total.mean;
    scratch64[results + 2 * k + 1] = scale;
  }
}

/** Phase 3: write. `slope` 1 is no activation. */
function write({ attrs, inputs, outputs, scratch64, part, parts }: KernelContext<NormAttrs>, slope: number): void {
  const x = inputs[0]!.data as Float32Array;
  const gamma = inputs[1]!.data as Float32Array;
  const beta = inputs[2]!.data as Float32Array;
  const y = outputs[0]!.data as Float32Array;
  const chunks = chunksOf(inputs[0]!.shape);
  const { samples, channels, voxels, count } = chunks;
  const results = samples * count * channels * 2;
  const width = attrs.mode === 'batch' ? 1 : channels / attrs.groups;
  eachChunk(chunks, part, parts, (sample, chunk) => {
    const range = chunkRange(chunks, chunk);
    const begin = (sample * voxels + range.begin) * channels;
    const end = (sample * voxels + range.end) * channels;
    for (let c = 0; c < channels; c++) {
      const k = attrs.mode === 'batch' ? c : sample * attrs.groups + Math.floor(c / width);
      const mean = scratch64[results + 2 * k]!;
      const factor = gamma[c]! * scratch64[results + 2 * k + 1]!;
      const offset = beta[c]!;
      for (let i = begin + c; i < end; i += channels) {
        const z = (x[i]! - mean) * factor + offset;
        y[i] = z > 0 ? z : slope * z;
      }
    }
  });
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
