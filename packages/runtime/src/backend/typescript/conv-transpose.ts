/**
 * Fast path of `convTranspose`. With stride 1 it is a convolution with mirrored weights, by transformed tiles where they
 * pay (see `winograd.ts`). Otherwise one product of columns and packed weights for every residue of the output index
 * modulo the stride; with kernel = stride that is one tap per residue.
 */

import { elementCount, type Shape } from '../../graph/shape.js';
import type { KernelContext, KernelOf } from '../kernel.js';
import { triple, volume, type Triple } from '../reference/loops.js';
import { transposedBoxes } from './columns.js';
import { multiplyColumns, productScratchBytes } from './conv-core.js';
import { packedView } from './conv.js';
import type { AttrsFor, QueryOf } from './query.js';
import { packInto, packedLength, transposedGroups, type WeightGroup } from './weights.js';
import { packTransformed, winogradFits, winogradLength, winogradTile, type WinogradTile } from './winograd.js';
import { multiplyTransformed, winogradBlockLength } from './winograd-conv.js';

type Attrs = AttrsFor<'convTranspose'>;
type Shaped = { readonly shape: Shape };

function groupsOf(a: Attrs, y: Shaped): readonly WeightGroup[] {
  return transposedGroups(a.inChannels, y.shape[1]!, a.groups, elementCount(a.kernel), a.channelBegin, a.channelCount);
}

function tileOf(a: Attrs, y: Shaped): WinogradTile | undefined {
  return a.dilation.every((d) => d === 1) && winogradFits(a, y.shape[1]!, a.channelCount)
    ? winogradTile(a.kernel)
    : undefined;
}

function weightLength(a: Attrs, y: Shaped): number {
  const tile = tileOf(a, y);
  return tile
    ? winogradLength(tile, y.shape[1]!, a.channelCount)
    : packedLength(groupsOf(a, y), elementCount(a.kernel));
}

/** Length of the derived packed weights in float64 elements, or 0 to read the weights plain. */
export function convTransposePackedLength({ attrs: a, inputs }: QueryOf<'convTranspose'>): number {
  const y = inputs[0]!;
  // As in `conv`: another dilation must not meet the derived copy of the same name.
  if (!tileOf(a, y) && winogradFits(a, y.shape[1]!, a.channelCount)) return 0;
  return weightLength(a, y);
}

export function convTransposeScratch({ attrs: a, inputs }: QueryOf<'convTranspose'>, threads: number): number {
  const y = inputs[0]!;
  const own = a.form === 'plain' ? weightLength(a, y) : 0;
  const tile = tileOf(a, y);
  if (tile) return 8 * (own + threads * winogradBlockLength(tile, y.shape[1]!, a.channelCount));
  return productScratchBytes(groupsOf(a, y), elementCount(a.kernel), threads, own);
}

/** Which kernel: 1 for transformed tiles. */
export function convTransposeVariant({ attrs, inputs }: QueryOf<'convTranspose'>): number {
  return tileOf(attrs, inputs[0]!) ? 1 : 0;
}

function pack({ attrs: a, inputs, scratch64, part, parts }: KernelContext<Attrs>): void {
  if (a.form === 'packed') return;
  const y = inputs[0]!;
  const plain = inputs[1]!.data;
  if (tileOf(a, y))
    packTransformed(
      scratch64,
      0,
      plain,
      'inputGrad',
      a.kernel,
      y.shape[1]!,
      a.channelCount,
      a.channelBegin,
      a.inChannels,
      part,
      parts,
    );
  else packInto(scratch64, 0, plain, 'inputGrad', groupsOf(a, y), a.kernel, a.inChannels / a.groups, part, parts);
}

function multiply({ attrs: a, inputs, outputs, scratch64, part, parts }: KernelContext<Attrs>): void {
  const [y, x] = [volume(inputs[0]!.shape), volume(outputs[0]!.shape)];
  const common = {
    samples: x.n,
    source: { pieces: [{ data: inputs[0]!.data, channels: y.c }], size: y.size },
    weights: packedView(a.form, inputs[1]!, scratch64),
    bias: a.bias ? inputs[2]!.data : undefined,
    result: outputs[0]!.data,
    resultSize: x.size,
    scratch: scratch64,
    scratchBegin: a.form === 'plain' ? weightLength(a, inputs[0]!) : 0,
  };
  const tile = tileOf(a, inputs[0]!);
  if (tile) {
    const kernel = triple(a.kernel, 1);
    const origin = triple(a.padBefore, 0).map((p, i) => p - (kernel[i]! - 1)) as unknown as Triple;
    multiplyTransformed({ ...common, tile, origin, ins: y.c, outs: a.channelCount }, part, parts);
    return;
  }
  const boxes = transposedBoxes(a, x.size);
  multiplyColumns(
    { ...common, boxes, groups: groupsOf(a, inputs[0]!), kernel: triple(a.kernel, 1), resultChannels: x.c },
    part,
    parts,
  );
}

export const convTransposeKernel: KernelOf<'convTranspose'> = { parallel: true, run: pack, then: [multiply] };
