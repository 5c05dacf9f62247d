/**
 * What the compiler must know of a backend to plan for it, on any machine: which fusions it offers, in which form it
 * wants weights, which of its kernels it picks and how much scratch each needs. All answers are pure functions of
 * operation, shapes and dtypes: making a plan never times anything and never asks a device.
 */

import type { DType } from '../graph/dtype.js';
import type { TensorType } from '../ops/op.js';
import type { OpName, OpTable } from '../ops/registry.js';
import type { AttrsOf } from '../ops/schema.js';

/** A node as a profile sees it. */
export type KernelQuery = {
  [K in OpName]: {
    readonly op: K;
    readonly attrs: AttrsOf<OpTable[K]['attrs']>;
    readonly inputs: readonly TensorType[];
    readonly outputs: readonly TensorType[];
  };
}[OpName];

export interface BackendProfile {
  /** `typescript`, `reference`, `cpu`, `cuda:...`; part of every plan. */
  readonly name: string;
  /** Every transient and persistent offset is a multiple of it, in bytes. */
  readonly alignment: number;
  /** Worker threads that scratch sizes count on. */
  readonly threads: number;
  /** Nominal speed, by which memory choices are ranked; default: that of a slow processor. */
  readonly speed?: { readonly flopsPerSecond: number; readonly bytesPerSecond: number };
  /** Element types it has no kernels for, each with what to do instead. Default: it has them all. */
  readonly refuses?: Readonly<Partial<Record<DType, string>>>;
  /** Fused operations it has kernels for. */
  readonly fusions: ReadonlySet<OpName>;
  /** Length in f32 of the packed weights it wants for this convolution (plain form given), or 0 to read them plain. */
  packedElements(query: KernelQuery): number;
  /** Which of its kernels. */
  variant(query: KernelQuery): number;
  /** Scratch bytes during the call. */
  scratchBytes(query: KernelQuery, variant: number): number;
}
