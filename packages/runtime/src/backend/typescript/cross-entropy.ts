/** Fast path of `crossEntropy`: a sum and a count per chunk of voxels, added in order. */

import { shareOf } from '../executor/share.js';
import type { KernelContext, KernelOf } from '../kernel.js';
import { CHUNK_VOXELS, lossChunks } from './loss-sums.js';
import type { AttrsFor } from './query.js';

type Attrs = AttrsFor<'crossEntropy'>;

function sums({ attrs: { ignore }, inputs, scratch64, part, parts }: KernelContext<Attrs>): void {
  const x = inputs[0]!.data as Float32Array;
  const labels = inputs[1]!.data as Uint8Array;
  const channels = inputs[0]!.shape[1]!;
  const { begin, end } = shareOf(lossChunks(labels.length), part, parts);
  for (let chunk = begin; chunk < end; chunk++) {
    let sum = 0;
    let count = 0;
    const last = Math.min((chunk + 1) * CHUNK_VOXELS, labels.length);
    for (let v = chunk * CHUNK_VOXELS; v < last; v++) {
      const label = labels[v]!;
      if (label === ignore) continue;
      count++;
      const at = v * channels;
      let max = x[at]!;
      for (let c = 1; c < channels; c++) if (x[at + c]! > max) max = x[at + c]!;
      let total = 0;
      for (let c = 0; c < channels; c++) total += Math.exp(x[at + c]! - max);
      sum += label < channels ? Math.log(total) + max - x[at + label]! : NaN;
    }
    scratch64[2 * chunk] = sum;
    scratch64[2 * chunk + 1] = count;
  }
}

function finish({ inputs, outputs, scratch64, part }: KernelContext<Attrs>): void {
  if (part !== 0) return;
  let sum = 0;
  let count = 0;
  for (let chunk = 0; chunk < lossChunks(inputs[1]!.data.length); chunk++) {
    sum += scratch64[2 * chunk]!;
    count += scratch64[2 * chunk + 1]!;
  }
  outputs[0]!.data[0] = count === 0 ? 0 : sum / count;
  outputs[1]!.data[0] = count;
}

export const crossEntropyKernel: KernelOf<'crossEntropy'> = { parallel: true, run: sums, then: [finish] };
