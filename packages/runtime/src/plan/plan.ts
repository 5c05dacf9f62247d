/**
 * A plan: plain data, a list of kernel calls over values with fixed places. Everything a backend needs to run a step,
 * and everything a person wants to know before: peak bytes, FLOPs, bytes moved.
 *
 * Segments: `persistent` (parameters, optimiser state, derived copies; owned by the session, shared by its plans),
 * `transient` (activations, gradients, workspace, inputs, outputs; overwritten by every run), `step` (scalars given
 * with every run), `return` (scalars given back by every run). Offsets are bytes from the segment's start and
 * multiples of the profile's alignment (step and return: of 4).
 */

import type { DType } from '../graph/dtype.js';
import type { Phase } from '../graph/graph.js';
import type { Initializer } from '../graph/initializer.js';
import type { Shape } from '../graph/shape.js';
import type { MemoryChoice } from '../memory/options.js';
import type { OpName, OpTable } from '../ops/registry.js';
import type { AttrsOf } from '../ops/schema.js';

/** Bump when the meaning of a plan changes. */
export const PLAN_VERSION = 1;

export const SEGMENTS = ['persistent', 'transient', 'step', 'return'] as const;
export type Segment = (typeof SEGMENTS)[number];

export const MEMORY_CLASSES = [
  'parameters',
  'optimizer',
  'buffers',
  'derived',
  'gradients',
  'activations',
  'workspace',
  'io',
  'step',
] as const;
/** What bytes are for. */
export type MemoryClass = (typeof MEMORY_CLASSES)[number];

export interface PlanValue {
  readonly name: string;
  readonly dtype: DType;
  /** Logical shape; memory is channels-last. */
  readonly shape: Shape;
  readonly segment: Segment;
  /** Bytes from the start of the segment. For `persistent`: within this plan alone; a session places it by name. */
  readonly offset: number;
  /** Bytes of the elements, without alignment. */
  readonly bytes: number;
  readonly memoryClass: MemoryClass;
}

interface CallOf<K extends OpName> {
  readonly op: K;
  readonly attrs: AttrsOf<OpTable[K]['attrs']>;
  /** Scoped name of the node. */
  readonly name: string;
  readonly phase: Phase;
  /** Indices into `values`. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** Which of the backend's kernels for this op; the profile's table says what the number means; 0 is its own default. */
  readonly variant: number;
  /** Bytes from the start of the transient segment; valid during this call only. */
  readonly scratch: { readonly offset: number; readonly bytes: number };
  readonly flops: number;
  readonly bytes: number;
}

/** One kernel call: a union discriminated by `op`. */
export type KernelCall = { [K in OpName]: CallOf<K> }[OpName];

export interface PersistentEntry {
  readonly name: string;
  readonly value: number;
  readonly kind: 'parameter' | 'optimizer' | 'buffer';
  readonly init: Initializer;
}

/** A derived persistent value and the call that makes it from parameters. */
export interface DerivedEntry {
  readonly name: string;
  readonly value: number;
  /** Names of the parameters it is made from. */
  readonly sources: readonly string[];
  readonly call: KernelCall;
}

export interface MemoryReport {
  readonly persistentBytes: number;
  readonly transientBytes: number;
  /** persistent + transient: what a session of this plan alone maps. */
  readonly peakBytes: number;
  /** Bytes live at the step where the transient segment is fullest: no layout can need less. */
  readonly lowerBoundBytes: number;
  /** Bytes at that step (transient) and of the persistent values, by class. Sums to `lowerBoundBytes + persistentBytes`. */
  readonly byClass: Readonly<Record<MemoryClass, number>>;
}

export interface Plan {
  readonly version: number;
  readonly name: string;
  /** Name of the backend profile it was made for. */
  readonly profile: string;
  readonly alignment: number;
  readonly values: readonly PlanValue[];
  readonly calls: readonly KernelCall[];
  readonly inputs: readonly { readonly name: string; readonly value: number }[];
  readonly outputs: readonly { readonly name: string; readonly value: number }[];
  readonly step: readonly { readonly name: string; readonly value: number }[];
  readonly persistent: readonly PersistentEntry[];
  readonly derived: readonly DerivedEntry[];
  /** Names of persistent values that this plan writes. */
  readonly writes: readonly string[];
  readonly stepBytes: number;
  readonly returnBytes: number;
  readonly memory: MemoryReport;
  readonly flops: number;
  readonly bytesMoved: number;
  /** What the memory pass chose; absent in plans without a backward pass and in those made by hand. */
  readonly choice?: MemoryChoice;
}
