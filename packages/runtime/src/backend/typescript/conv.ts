/** Fast path of `conv`: columns times packed weights. Weights that come plain are packed into scratch first. */

import { internal } from '../../errors.js';
import { elementCount } from '../../graph/shape.js';
import type { KernelContext, KernelOf } from '../kernel.js';
import { triple, volume } from '../reference/loops.js';
import { forwardBox } from './columns.js';
import { multiplyColumns, productScratchBytes } from './conv-core.js';
import type { AttrsFor, QueryOf } from './query.js';
import { forwardGroups, packInto, packedLength, type WeightGroup } from './weights.js';

type Attrs = AttrsFor<'conv'>;

function groupsOf(a: Attrs, pieces: readonly { readonly shape: readonly number[] }[]): readonly WeightGroup[] {
  const channels = pieces.slice(0, a.pieces).reduce((sum, p) => sum + p.shape[1]!, 0);
  return forwardGroups(channels, a.outChannels, a.groups, elementCount(a.kernel));
}

/** Packed weights, in float64 elements. */
export function convPackedLength({ attrs, inputs }: QueryOf<'conv'>): number {
  return packedLength(groupsOf(attrs, inputs), elementCount(attrs.kernel));
}

export function convScratch(query: QueryOf<'conv'>, threads: number): number {
  const own = query.attrs.form === 'plain' ? convPackedLength(query) : 0;
  return productScratchBytes(groupsOf(query.attrs, query.inputs), elementCount(query.attrs.kernel), threads, own);
}

/** Packed weights as float64: a derived copy, or the beginning of scratch. */
export function packedView(form: 'plain' | 'packed', stored: { readonly data: unknown }, scratch: Float64Array): Float64Array {
  if (form === 'plain') return scratch;
  if (!(stored.data instanceof Float32Array)) return internal('packed weights are not f32');
  return new Float64Array(stored.data.buffer, stored.data.byteOffset, stored.data.length / 2);
}

function pack({ attrs: a, inputs, scratch64, part, parts }: KernelContext<Attrs>): void {
  if (a.form === 'packed') return;
  const groups = groupsOf(a, inputs);
  packInto(scratch64, 0, inputs[a.pieces]!.data, 'forward', groups, a.kernel, groups[0]!.ins, part, parts);
}

function multiply({ attrs: a, inputs, outputs, scratch64, part, parts }: KernelContext<Attrs>): void {
  const y = volume(outputs[0]!.shape);
  const groups = groupsOf(a, inputs);
  const pieces = inputs.slice(0, a.pieces).map((p) => ({ data: p.data, channels: p.shape[1]! }));
  const kernel = triple(a.kernel, 1);
  multiplyColumns(
    {
      samples: y.n,
      source: { pieces, size: volume(inputs[0]!.shape).size },
      boxes: [forwardBox(a, y.size)],
      groups,
      kernel,
      weights: packedView(a.form, inputs[a.pieces]!, scratch64),
      weightsBegin: 0,
      bias: a.bias ? inputs[a.pieces + 1]!.data : undefined,
      result: outputs[0]!.data,
      resultChannels: y.c,
      resultSize: y.size,
      scratch: scratch64,
      scratchBegin: a.form === 'plain' ? packedLength(groups, elementCount(a.kernel)) : 0,
    },
    part,
    parts,
  );
}

export const convKernel: KernelOf<'conv'> = { parallel: true, run: pack, then: [multiply] };
