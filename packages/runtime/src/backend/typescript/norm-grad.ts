/**
 * Fast path of `normGrad` and `normActGrad`. Phase 1 sums dy and dy * xhat per channel and chunk; phase 2 adds the chunks
 * in fixed order and gives dgamma and dbeta; phase 3 writes dx, which may lie over dy or x: every element is read first.
 * With an activation, dy is first taken through its branch, found again from the normalised value. Of a fixed-point x
 * one channel of a chunk at a time is brought to floats in scratch, so that every loop reads floats only.
 */

import { shareOf } from '../executor/share.js';
import type { KernelContext, KernelOf, KernelTensor } from '../kernel.js';
import { stepOf, type FixedArray } from './fixed-point.js';
import { chunksOf, eachChunk, type Chunks } from './moments.js';
import { elementRange, type NormAttrs } from './norm.js';

interface Operands {
  readonly gamma: Float32Array;
  /** Absent without activation. */
  readonly beta: Float32Array | undefined;
  readonly mean: Float32Array;
  readonly rstd: Float32Array;
  readonly dy: Float32Array;
}

const data = (t: KernelTensor | undefined): Float32Array => t!.data as Float32Array;

function operands(inputs: readonly KernelTensor[]): Operands {
  const activated = inputs.length >= 6;
  const rest = activated ? inputs.slice(3) : inputs.slice(2);
  return {
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

/** A channel of a chunk in floats: element `begin` of `data`, then every `step`-th. */
interface Column {
  readonly data: Float32Array;
  readonly begin: number;
  readonly step: number;
}

/** Reads x channel by channel, and says how many workers have room to do so at once. */
interface ColumnReader {
  readonly active: number;
  /** The channel whose elements in memory are `begin`, then every `channels`-th before `end`. */
  column(begin: number, end: number): Column;
}

function columnReader({ inputs, scratch, part, parts }: KernelContext<NormAttrs>, chunks: Chunks): ColumnReader {
  const { samples, channels, count, size } = chunks;
  const exponent = inputs[6];
  if (!exponent) {
    const x = data(inputs[0]);
    return { active: parts, column: (begin) => ({ data: x, begin, step: channels }) };
  }
  const k = inputs[0]!.data as FixedArray;
  const step = stepOf(exponent);
  const columns = 4 * samples * channels * (count + 1);
  const active = Math.min(parts, Math.floor((scratch.length - columns) / size));
  const own = columns + part * size;
  return {
    active,
    column(begin, end) {
      for (let i = begin, at = own; i < end; i += channels, at++) scratch[at] = k[i]! * step;
      return { data: scratch, begin: own, step: 1 };
    },
  };
}

function sums(context: KernelContext<NormAttrs>, slope: number): void {
  const { attrs, inputs, scratch64, part } = context;
  const { gamma, beta, mean, rstd, dy } = operands(inputs);
  const chunks = chunksOf(inputs[0]!.shape);
  const { channels, count } = chunks;
  const reader = columnReader(context, chunks);
  if (part >= reader.active) return;
  eachChunk(chunks, part, reader.active, (sample, chunk) => {
    const { begin, end } = elementRange(chunks, sample, chunk);
    const out = (sample * count + chunk) * channels * 2;
    for (let c = 0; c < channels; c++) {
      const k = statistic(attrs, channels, sample, c);
      const [m, r, g, b] = [mean[k]!, rstd[k]!, gamma[c]!, beta ? beta[c]! : Infinity];
      const { data: x, begin: first, step } = reader.column(begin + c, end);
      let sum = 0;
      let sumX = 0;
      for (let i = begin + c, at = first; i < end; i += channels, at += step) {
        const xhat = (x[at]! - m) * r;
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

function write(context: KernelContext<NormAttrs>, slope: number): void {
  const { attrs, inputs, outputs, scratch64, part } = context;
  const { gamma, beta, mean, rstd, dy } = operands(inputs);
  const dx = outputs[0]!.data as Float32Array;
  const chunks = chunksOf(inputs[0]!.shape);
  const { samples, channels, count } = chunks;
  const reader = columnReader(context, chunks);
  if (part >= reader.active) return;
  const results = samples * count * channels * 2;
  const width = attrs.mode === 'batch' ? 1 : channels / attrs.groups;
  const elements = dx.length / mean.length;
  eachChunk(chunks, part, reader.active, (sample, chunk) => {
    const { begin, end } = elementRange(chunks, sample, chunk);
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
      const { data: x, begin: first, step } = reader.column(begin + c, end);
      for (let i = begin + c, at = first; i < end; i += channels, at += step) {
        const xhat = (x[at]! - m) * r;
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
