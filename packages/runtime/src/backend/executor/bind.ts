/**
 * From a kernel call of a plan to functions that can be run: views of the operands, scratch, and the decoding and
 * encoding of bf16 and f16 operands around the kernel. One worker's share of a call is a list of phases with a barrier after
 * each; the same list, for one part of one, is what the reference session runs.
 *
 * Scratch of a call: the kernel's own bytes first, then a Float32Array for every such operand.
 */

import { internal } from '../../errors.js';
import { fromBf16, fromF16, isNarrow, toBf16, toF16, type DType, type HostArray } from '../../graph/dtype.js';
import { elementCount } from '../../graph/shape.js';
import type { TensorType } from '../../ops/op.js';
import type { KernelCall, Plan } from '../../plan/plan.js';
import type { Kernel, KernelContext, KernelTable, KernelTensor } from '../kernel.js';
import type { KernelQuery } from '../profile.js';
import { viewOf, type MemoryMap } from './host-memory.js';
import { shareOf } from './share.js';

/** Scratch areas start at multiples of it, in bytes. */
const SCRATCH_ALIGNMENT = 64;

/** Everything between two barriers of a call, for one part. */
export interface Phase {
  /** Name of the kernel call, for errors. */
  readonly name: string;
  readonly op: string;
  /** Runs this part's share; absent when the share is empty. */
  readonly run: (() => void) | undefined;
}

/** Scratch bytes of a call: `kernelBytes` for the kernel and what bf16 and f16 operands need decoded. */
export function scratchWithDecoding(query: Pick<KernelQuery, 'inputs' | 'outputs'>, kernelBytes: number): number {
  let bytes = alignScratch(kernelBytes);
  for (const type of [...query.inputs, ...query.outputs]) bytes += decodedBytes(type);
  return bytes;
}

function decodedBytes({ dtype, shape }: TensorType): number {
  return isNarrow(dtype) ? alignScratch(4 * elementCount(shape)) : 0;
}

function alignScratch(bytes: number): number {
  return Math.ceil(bytes / SCRATCH_ALIGNMENT) * SCRATCH_ALIGNMENT;
}

/**
 * Bind one part's share of a call to memory.
 * @param offsets - byte offset of every value of the plan in its segment.
 */
export function bindCall(
  call: KernelCall,
  plan: Plan,
  offsets: readonly number[],
  map: MemoryMap,
  kernels: KernelTable,
  part: number,
  parts: number,
): Phase[] {
  const kernel = kernels[call.op] as Kernel<unknown>;
  const place = { name: call.name, op: call.op };
  const scratch = viewOf(map, 'transient', 'u8', call.scratch.offset, call.scratch.bytes);
  let decodedBegin = call.scratch.bytes;
  for (const id of [...call.inputs, ...call.outputs]) decodedBegin -= decodedBytes(plan.values[id]!);
  if (decodedBegin < 0) internal(`"${call.name}" has no scratch to decode its operands`);
  const kernelScratch = decodedBegin;

  const before: Phase[] = [];
  const after: Phase[] = [];
  const tensor = (id: number, isOutput: boolean): KernelTensor => {
    const value = plan.values[id]!;
    const length = elementCount(value.shape);
    const stored = viewOf(map, value.segment, value.dtype, offsets[id]!, length);
    let data: HostArray = stored;
    const { dtype } = value;
    if (isNarrow(dtype)) {
      const decoded = new Float32Array(scratch.buffer, scratch.byteOffset + decodedBegin, length);
      decodedBegin += decodedBytes(value);
      const { begin, end } = shareOf(length, part, parts);
      if (isOutput) after.push({ ...place, run: () => encode(dtype, decoded, stored, begin, end) });
      else before.push({ ...place, run: () => decode(dtype, stored, decoded, begin, end) });
      data = decoded;
    }
    return { data, shape: value.shape, dtype: value.dtype };
  };
  const alone = !kernel.parallel;
  const context: KernelContext<unknown> = {
    name: call.name,
    attrs: call.attrs,
    inputs: call.inputs.map((id) => tensor(id, false)),
    outputs: call.outputs.map((id) => tensor(id, true)),
    scratch: new Float32Array(scratch.buffer, scratch.byteOffset, Math.floor(kernelScratch / 4)),
    scratch64: new Float64Array(scratch.buffer, scratch.byteOffset, Math.floor(kernelScratch / 8)),
    part: alone ? 0 : part,
    parts: alone ? 1 : parts,
  };
  const own = [kernel.run, ...(kernel.then ?? [])].map((body): Phase => ({
    ...place,
    run: alone && part !== 0 ? undefined : () => body(context),
  }));
  // Decoding of several operands needs one barrier in all, so does encoding.
  return [...merge(before), ...own, ...merge(after)];
}

function merge(phases: readonly Phase[]): Phase[] {
  if (phases.length === 0) return [];
  return [{ ...phases[0]!, run: () => phases.forEach((p) => p.run?.()) }];
}

function decode(dtype: DType, source: HostArray, target: HostArray, begin: number, end: number): void {
  const from = dtype === 'bf16' ? fromBf16 : fromF16;
  for (let i = begin; i < end; i++) target[i] = from(source[i]!);
}

function encode(dtype: DType, source: HostArray, target: HostArray, begin: number, end: number): void {
  const to = dtype === 'bf16' ? toBf16 : toF16;
  for (let i = begin; i < end; i++) target[i] = to(source[i]!);
}
