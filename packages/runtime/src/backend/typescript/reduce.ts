/**
 * Fast path of `reduce` over everything, or over everything but the channels: partial sums of fixed runs of voxels, added
 * in order. Other axes run the reference loop on one worker.
 */

import { elementCount, type Shape } from '../../graph/shape.js';
import { shareOf } from '../executor/share.js';
import type { KernelContext, KernelOf } from '../kernel.js';
import { reduceKernel as reference } from '../reference/reduce.js';
import type { AttrsFor, QueryOf } from './query.js';

type Attrs = AttrsFor<'reduce'>;

/** Rows of a partial sum, at least; there are never more than MOST_CHUNKS. */
const CHUNK_ROWS = 1024;
const MOST_CHUNKS = 256;

/** The operand as rows x channels with the rows summed over, or undefined for other axes. */
function rowsOf(
  { axes }: Attrs,
  shape: Shape,
): { readonly rows: number; readonly channels: number; readonly chunk: number; readonly chunks: number } | undefined {
  const all = axes.length === shape.length;
  if (!all && (shape.length < 2 || axes.length !== shape.length - 1 || axes.includes(1))) return undefined;
  const channels = all ? 1 : shape[1]!;
  const rows = elementCount(shape) / channels;
  const chunk = Math.max(CHUNK_ROWS, Math.ceil(rows / MOST_CHUNKS));
  return { rows, channels, chunk, chunks: Math.ceil(rows / chunk) };
}

export function reduceScratch({ attrs, inputs }: QueryOf<'reduce'>): number {
  const r = rowsOf(attrs, inputs[0]!.shape);
  return r ? 8 * r.chunks * r.channels : 0;
}

function partial(context: KernelContext<Attrs>): void {
  const { attrs, inputs, scratch64, part, parts } = context;
  const r = rowsOf(attrs, inputs[0]!.shape);
  if (!r) {
    if (part === 0) reference.run(context);
    return;
  }
  const { data } = inputs[0]!;
  const { begin, end } = shareOf(r.chunks, part, parts);
  for (let chunk = begin; chunk < end; chunk++) {
    const first = chunk * r.chunk * r.channels;
    const last = Math.min((chunk + 1) * r.chunk, r.rows) * r.channels;
    columnSums(data as Float32Array, first, last, r.channels, scratch64, chunk * r.channels);
  }
}

/** Sums of every column of the rows that lie in first ... last - 1. */
export function columnSums(
  x: Float32Array,
  first: number,
  last: number,
  channels: number,
  out: Float64Array,
  to: number,
): void {
  let c = 0;
  for (; c + 4 <= channels; c += 4) {
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let i = first + c; i < last; i += channels) {
      s0 += x[i]!;
      s1 += x[i + 1]!;
      s2 += x[i + 2]!;
      s3 += x[i + 3]!;
    }
    out[to + c] = s0;
    out[to + c + 1] = s1;
    out[to + c + 2] = s2;
    out[to + c + 3] = s3;
  }
  for (; c < channels; c++) {
    let sum = 0;
    for (let i = first + c; i < last; i += channels) sum += x[i]!;
    out[to + c] = sum;
  }
}

function finish({ attrs, inputs, outputs, scratch64, part }: KernelContext<Attrs>): void {
  const r = rowsOf(attrs, inputs[0]!.shape);
  if (!r || part !== 0) return;
  const count = attrs.kind === 'mean' ? r.rows : 1;
  for (let c = 0; c < r.channels; c++) {
    let sum = 0;
    for (let chunk = 0; chunk < r.chunks; chunk++) sum += scratch64[chunk * r.channels + c]!;
    outputs[0]!.data[c] = sum / count;
  }
}

export const reduceKernel: KernelOf<'reduce'> = { parallel: true, run: partial, then: [finish] };
