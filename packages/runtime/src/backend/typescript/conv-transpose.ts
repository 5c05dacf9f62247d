/**
 * Fast path of `convTranspose`: one product of columns and packed weights for every residue of the output index modulo
 * the stride. With stride 1 that is a convolution with mirrored weights; with kernel = stride one tap per residue.
 */

import { elementCount } from '../../graph/shape.js';
import type { KernelContext, KernelOf } from '../kernel.js';
import { triple, volume } from '../reference/loops.js';
import { transposedBoxes } from './columns.js';
import { multiplyColumns, productScratchBytes } from './conv-core.js';
import { packedView } from './conv.js';
import type { AttrsFor, QueryOf } from './query.js';
import { packInto, packedLength, transposedGroups, type WeightGroup } from './weights.js';

type Attrs = AttrsFor<'convTranspose'>;

function groupsOf(a: Attrs, y: { readonly shape: readonly number[] }): readonly WeightGroup[] {
  return transposedGroups(a.inChannels, y.shape[1]!, a.groups, elementCount(a.kernel), a.channelBegin, a.channelCount);
}

/** Packed weights, in float64 elements. */
export function convTransposePackedLength({ attrs, inputs }: QueryOf<'convTranspose'>): number {
  return packedLength(groupsOf(attrs, inputs[0]!), elementCount(attrs.kernel));
}

export function convTransposeScratch(query: QueryOf<'convTranspose'>, threads: number): number {
  const own = query.attrs.form === 'plain' ? convTransposePackedLength(query) : 0;
  return productScratchBytes(groupsOf(query.attrs, query.inputs[0]!), elementCount(query.attrs.kernel), threads, own);
}

function pack({ attrs: a, inputs, scratch64, part, parts }: KernelContext<Attrs>): void {
  if (a.form === 'packed') return;
  packInto(scratch64, 0, inputs[1]!.data, 'inputGrad', groupsOf(a, inputs[0]!), a.kernel, a.inChannels / a.groups, part, parts);
}

function multiply({ attrs: a, inputs, outputs, scratch64, part, parts }: KernelContext<Attrs>): void {
  const [y, x] = [volume(inputs[0]!.shape), volume(outputs[0]!.shape)];
  const groups = groupsOf(a, inputs[0]!);
  multiplyColumns(
    {
      samples: x.n,
      source: { pieces: [{ data: inputs[0]!.data, channels: y.c }], size: y.size },
      boxes: transposedBoxes(a, x.size),
      groups,
      kernel: triple(a.kernel, 1),
      weights: packedView(a.form, inputs[1]!, scratch64),
      weightsBegin: 0,
      bias: a.bias ? inputs[2]!.data : undefined,
      result: outputs[0]!.data,
      resultChannels: x.c,
      resultSize: x.size,
      scratch: scratch64,
      scratchBegin: a.form === 'plain' ? packedLength(groups, elementCount(a.kernel)) : 0,
    },
    part,
    parts,
  );
}

export const convTransposeKernel: KernelOf<'convTranspose'> = { parallel: true, run: pack, then: [multiply] };
