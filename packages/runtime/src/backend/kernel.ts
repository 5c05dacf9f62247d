/**
 * The form of a TypeScript kernel: a function over flat channels-last arrays. The reference kernels are naive loops
 * that accumulate in float64 (JavaScript numbers) and round at the store; the fast path splits work by `part` of `parts`.
 *
 * bf16 and f16 operands reach a kernel as decoded Float32Arrays; the executor encodes results (round to nearest even).
 */

import type { DType, HostArray } from '../graph/dtype.js';
import type { Shape } from '../graph/shape.js';
import type { OpName, OpTable } from '../ops/registry.js';
import type { AttrsOf } from '../ops/schema.js';

export interface KernelTensor {
  /** Elements in memory order (channels-last). */
  readonly data: HostArray;
  /** Logical shape. */
  readonly shape: Shape;
  /** dtype of the plan's value (data of a bf16 or f16 value is a Float32Array here). */
  readonly dtype: DType;
}

export interface KernelContext<A> {
  /** Name of the call, for errors. */
  readonly name: string;
  readonly attrs: A;
  readonly inputs: readonly KernelTensor[];
  readonly outputs: readonly KernelTensor[];
  /** Scratch of the size the profile asked for, as f32. */
  readonly scratch: Float32Array;
  /** The same bytes as f64. */
  readonly scratch64: Float64Array;
  /** This worker's share: part `part` of `parts`. A kernel that is not `parallel` is called with 0 of 1. */
  readonly part: number;
  readonly parts: number;
}

export interface Kernel<A> {
  /** Compute the share of this part. Must not allocate in fast paths. */
  run(context: KernelContext<A>): void;
  /** Phases with a barrier after each, for kernels that need a reduction between; `run` is the first. */
  readonly then?: readonly ((context: KernelContext<A>) => void)[];
  /** Whether shares may run at the same time; default false. */
  readonly parallel?: boolean;
}

/** A kernel for every operation of a table. */
export type KernelTable = { readonly [K in OpName]: Kernel<AttrsOf<OpTable[K]['attrs']>> };
export type KernelOf<K extends OpName> = KernelTable[K];
