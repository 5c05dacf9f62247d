/**
 * Fast path of `normGrad` and `normActGrad`. Phase 1 sums dy and dy * xhat per channel and chunk; phase 2 adds the chunks
 * in fixed order and gives dgamma and dbeta; phase 3 writes dx, which may lie over dy or x: every element is read first.
 * With an activation, dy is first taken through its branch, found again from the normalised value.
 */

import { shareOf } from '../executor/share.js';
import type { KernelContext, KernelOf, KernelTensor } from '../kernel.js';
import { chunkRange, chunksOf, eachChunk } from './moments.js';
import type { NormAttrs } from './norm.js';

interface Operands {
  readonly x: Float32Array;
  readonly gamma: Float32Array;
  /** Absent without activation. */
  readonly beta: Float32Array | undefined;
  readonly mean: Float32Array;
  readonly rstd: Float32Array;
  readonly dy: Float32Array;
}

const data = (t: KernelTensor | undefined): Float32Array => t!.data as Float32Array;

function operands(inputs: readonly KernelTensor[]): Operands {
  const activated = inputs.length === 6;
  const rest = activated ? inputs.slice(3) : inputs.slice(2);
  return {
    x: data(inputs[0]),
    gamma: data(inputs[1]),
    beta: activated ? data(inputs[2]) : undefined,
    mean: data(rest[0]),
    rstd: data(rest[1]),
    dy: data(rest[2]),
  };
}

/** Index of the statistic of a channel. */
function statistic(attrs: NormAttrs, channels: number, sample: number, c: number): number {
  return attrs.mode === 'batch' ? c : sample * attrs.groups + Math.floor((c * attrs.groups) / channels);
}

function sums({ attrs, inputs, scratch64, part, parts }: KernelContext<NormAttrs>, slope: number): void {
  const { x, gamma, beta, mean, rstd, dy } = operands(inputs);
  const chunks = chunksOf(inputs[0]!.shape);
  const { channels, voxels, count } = chunks;
  eachChunk(chunks, part, parts, (sample, chunk) => {
    const range = chunkRange(chunks, chunk);
    const begin = (sample * voxels + range.begin) * channels;
    const end = (sample * voxels + range.end) * channels;
    const out = (sample * count + chunk) * channels * 2;
    for (let c = 0; c < channels; c++) {
      const k = statistic(attrs, channels, sample, c);
      const [m, r, g, b] = [mean[k]!, rstd[k]!, gamma[c]!, beta ? beta[c]! : Infinity];
      let sum = 0;
      let sumX = 0;
      for (let i = begin + c; i < end; i += channels) {
        const xhat = (x[i]! - m) * r;
        const grad = g * xhat + b > 0 ? dy[i]! : slope * dy[i]!;
        sum += grad;
        sumX += grad * xhat;
      }
      scratch64[out + 2 * c] = sum;
      scratch64[out + 2 * c + 1] = sumX;
    }
  });
}

/** Per channel: chunks to samples (kept in scratch), samples to dgamma and dbeta. */
function combine({ inputs, outputs, scratch64, part, parts }: KernelContext<NormAttrs>): void {
  const { samples, channels, count } = chunksOf(inputs[0]!.shape);
  const [dgamma, dbeta] = [outputs[1]!.data, outputs[2]!.data];
  const results = samples * count * channels * 2;
  const { begin, end } = shareOf(channels, part, parts);
  for (let c = begin; c < end; c++) {
    let [total, totalX] = [0, 0];
    for (let sample = 0; sample < samples; sample++) {
      let [sum, sumX] = [0, 0];
      for (let chunk = 0; chunk < count; chunk++) {
        const at = ((sample * count + chunk) * channels + c) * 2;
        sum += scratch64[at]!;
        sumX += scratch64[at + 1]!;
      }
      scratch64[results + (sample * channels + c) * 2] = sum;
      scratch64[results + (sample * channels + c) * 2 + 1] = sumX;
      total += sum;
      totalX += sumX;
    }
    dgamma[c] = totalX;
    dbeta[c] = total;
  }
}

function write({ attrs, inputs, outputs, scratch64, part, parts }: KernelContext<NormAttrs>, slope: number): void {
  const { x, gamma, beta, mean, rstd, dy } = operands(inputs);
  const dx = outputs[0]!.data as Float32Array;
  const chunks = chunksOf(inputs[0]!.shape);
  const { samples, channels, voxels, count } = chunks;
  const results = samples * count * channels * 2;
  const width = attrs.mode === 'batch' ? 1 : channels / attrs.groups;
  const elements = x.length / mean.length;
  eachChunk(chunks, part, parts, (sample, chunk) => {
    const range = chunkRange(chunks, chunk);
    const begin = (sample * voxels + range.begin) * channels;
    const end = (sample * voxels + range.end) * channels;
    let [meanG, meanGx] = [0, 0];
    for (let c = 0; c < channels; c++) {
      const k = statistic(attrs, channels, sample, c);
      // The means over the statistic's elements, once per group of channels.
      if (c % width === 0) {
        meanG = meanGx = 0;
        const [firstSample, lastSample] = attrs.mode === 'batch' ? [0, samples - 1] : [sample, sample];
        for (let n = firstSample; n <= lastSample; n++) {
          for (let j = c; j < c + width; j++) {
            meanG += (gamma[j]! * scratch64[results + (n * channels + j) * 2]!) / elements;
            meanGx += (gamma[j]! * scratch64[results + (n * channels + j) * 2 + 1]!) / elements;
          }
        }
      }
      const [m, r, g, b] = [mean[k]!, rstd[k]!, gamma[c]!, beta ? beta[c]! : Infinity];
      for (let i = begin + c; i < end; i += channels) {
        const xhat = (x[i]! - m) * r;
        const grad = g * xhat + b > 0 ? dy[i]! : slope * dy[i]!;
        dx[i] = r * (g * grad - meanG - xhat * meanGx);
      }
    }
  });
}

export const normGradKernel: KernelOf<'normGrad'> = {
  parallel: true,
  run: (context) => sums(context, 1),
  then: [combine, (context) => write(context, 1)],
};

export const normActGradKernel: KernelOf<'normActGrad'> = {
  parallel: true,
  run: (context) => sums(context, context.attrs.slope),
  then: [combine, (context) => write(context, context.attrs.slope)],
};
