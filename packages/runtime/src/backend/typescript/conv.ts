/**
 * Fast path of `conv`: transformed tiles where they pay (see `winograd.ts`), else columns times packed weights. Weights
 * that come plain are packed into scratch first.
 */

import { internal } from '../../errors.js';
import { elementCount, type Shape } from '../../graph/shape.js';
import type { KernelContext, KernelOf } from '../kernel.js';
import { triple, volume, type Triple } from '../reference/loops.js';
import { forwardBox } from './columns.js';
import { multiplyColumns, productScratchBytes } from './conv-core.js';
import type { AttrsFor, QueryOf } from './query.js';
import { forwardGroups, packInto, packedLength, type WeightGroup } from './weights.js';
import { packTransformed, winogradFits, winogradLength, winogradTile, type WinogradTile } from './winograd.js';
import { multiplyTransformed, winogradBlockLength } from './winograd-conv.js';

type Attrs = AttrsFor<'conv'>;
type Shaped = readonly { readonly shape: Shape }[];

function inChannels(a: Attrs, inputs: Shaped): number {
  return inputs.slice(0, a.pieces).reduce((sum, p) => sum + p.shape[1]!, 0);
}

function groupsOf(a: Attrs, inputs: Shaped): readonly WeightGroup[] {
  return forwardGroups(inChannels(a, inputs), a.outChannels, a.groups, elementCount(a.kernel));
}

/** The tile by which this convolution is computed, if it is. */
function tileOf(a: Attrs, inputs: Shaped): WinogradTile | undefined {
  return a.dilation.every((d) => d === 1) && winogradFits(a, inChannels(a, inputs), a.outChannels)
    ? winogradTile(a.kernel)
    : undefined;
}

/** Float64 elements of the weights in the form this convolution reads. */
function weightLength(a: Attrs, inputs: Shaped): number {
  const tile = tileOf(a, inputs);
  return tile
    ? winogradLength(tile, inChannels(a, inputs), a.outChannels)
    : packedLength(groupsOf(a, inputs), elementCount(a.kernel));
}

/** Length of the derived packed weights in float64 elements, or 0 to read the weights plain. */
export function convPackedLength({ attrs: a, inputs }: QueryOf<'conv'>): number {
  // A derived copy is named by weights, stride and groups; other dilations of the same weights must not meet it.
  if (!tileOf(a, inputs) && winogradFits(a, inChannels(a, inputs), a.outChannels)) return 0;
  return weightLength(a, inputs);
}

export function convScratch({ attrs: a, inputs }: QueryOf<'conv'>, threads: number): number {
  const own = a.form === 'plain' ? weightLength(a, inputs) : 0;
  const tile = tileOf(a, inputs);
  if (tile) return 8 * (own + threads * winogradBlockLength(tile, inChannels(a, inputs), a.outChannels));
  return productScratchBytes(groupsOf(a, inputs), elementCount(a.kernel), threads, own);
}

/** Which kernel: 1 for transformed tiles. */
export function convVariant({ attrs, inputs }: QueryOf<'conv'>): number {
  return tileOf(attrs, inputs) ? 1 : 0;
}

/** Packed weights as float64: a derived copy, or the beginning of scratch. */
export function packedView(
  form: 'plain' | 'packed',
  stored: { readonly data: unknown },
  scratch: Float64Array,
): Float64Array {
  if (form === 'plain') return scratch;
  if (!(stored.data instanceof Float32Array)) return internal('packed weights are not f32');
  return new Float64Array(stored.data.buffer, stored.data.byteOffset, stored.data.length / 2);
}

function pack({ attrs: a, inputs, scratch64, part, parts }: KernelContext<Attrs>): void {
  if (a.form === 'packed') return;
  const plain = inputs[a.pieces]!.data;
  if (tileOf(a, inputs)) {
    const ins = inChannels(a, inputs);
    packTransformed(scratch64, 0, plain, 'forward', a.kernel, ins, a.outChannels, 0, ins, part, parts);
    return;
  }
  const groups = groupsOf(a, inputs);
  packInto(scratch64, 0, plain, 'forward', groups, a.kernel, groups[0]!.ins, part, parts);
}

function multiply({ attrs: a, inputs, outputs, scratch64, part, parts }: KernelContext<Attrs>): void {
  const y = volume(outputs[0]!.shape);
  const common = {
    samples: y.n,
    source: {
      pieces: inputs.slice(0, a.pieces).map((p) => ({ data: p.data, channels: p.shape[1]! })),
      size: volume(inputs[0]!.shape).size,
    },
    weights: packedView(a.form, inputs[a.pieces]!, scratch64),
    bias: a.bias ? inputs[a.pieces + 1]!.data : undefined,
    result: outputs[0]!.data,
    resultSize: y.size,
    scratch: scratch64,
    scratchBegin: a.form === 'plain' ? weightLength(a, inputs) : 0,
  };
  const tile = tileOf(a, inputs);
  if (tile) {
    const origin = triple(a.padBefore, 0).map((p) => -p) as unknown as Triple;
    multiplyTransformed({ ...common, tile, origin, ins: inChannels(a, inputs), outs: a.outChannels }, part, parts);
    return;
  }
  const boxes = [forwardBox(a, y.size)];
  multiplyColumns(
    { ...common, boxes, groups: groupsOf(a, inputs), kernel: triple(a.kernel, 1), resultChannels: y.c },
    part,
    parts,
  );
}

export const convKernel: KernelOf<'conv'> = { parallel: true, run: pack, then: [multiply] };
