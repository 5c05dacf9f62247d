/** Fast path of `diceLoss`: three sums per class and chunk of voxels, added in order. */

import { shareOf } from '../executor/share.js';
import type { KernelContext, KernelOf } from '../kernel.js';
import { meanDice } from '../reference/dice-loss.js';
import { planes } from '../reference/loops.js';
import { CHUNK_VOXELS, lossChunks } from './loss-sums.js';
import type { AttrsFor } from './query.js';

type Attrs = AttrsFor<'diceLoss'>;

function sums({ attrs: { ignore }, inputs, scratch64, part, parts }: KernelContext<Attrs>): void {
  const p = inputs[0]!.data as Float32Array;
  const labels = inputs[1]!.data as Uint8Array;
  const { n, c, s } = planes(inputs[0]!.shape);
  const perSample = lossChunks(s);
  const { begin, end } = shareOf(n * perSample, part, parts);
  for (let chunk = begin; chunk < end; chunk++) {
    const sample = Math.floor(chunk / perSample);
    const first = sample * s + (chunk % perSample) * CHUNK_VOXELS;
    const last = Math.min(first + CHUNK_VOXELS, (sample + 1) * s);
    const out = chunk * 3 * c;
    for (let k = 0; k < c; k++) {
      let both = 0;
      let all = 0;
      let labelled = 0;
      for (let v = first; v < last; v++) {
        const label = labels[v]!;
        if (label === ignore) continue;
        const value = p[v * c + k]!;
        all += value;
        if (label === k) {
          both += value;
          labelled++;
        }
      }
      scratch64[out + k] = both;
      scratch64[out + c + k] = all;
      scratch64[out + 2 * c + k] = labelled;
    }
  }
}

function finish({
  attrs: { batch, background, smooth },
  inputs,
  outputs,
  scratch64,
  part,
}: KernelContext<Attrs>): void {
  if (part !== 0) return;
  const { n, c, s } = planes(inputs[0]!.shape);
  const rows = batch ? 1 : n;
  const perRow = (n * lossChunks(s)) / rows;
  const width = 3 * c;
  // The sums of a row replace those of its first chunk; rows then move together at the front.
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < width; k++) {
      let sum = 0;
      for (let chunk = row * perRow; chunk < (row + 1) * perRow; chunk++) sum += scratch64[chunk * width + k]!;
      scratch64[row * width + k] = sum;
      outputs[1]!.data[row * width + k] = sum;
    }
  }
  outputs[0]!.data[0] = meanDice(scratch64, rows, c, background, smooth);
}

export const diceLossKernel: KernelOf<'diceLoss'> = { parallel: true, run: sums, then: [finish] };
