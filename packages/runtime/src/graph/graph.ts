/**
 * The graph: typed values in static single assignment, made by nodes in program order. Plain data; passes build new
 * graphs. Memory, layouts and kernels are not known here.
 */

import type { OpName, OpTable } from '../ops/registry.js';
import type { AttrsOf } from '../ops/schema.js';
import type { TensorType } from '../ops/op.js';
import type { Initializer } from './initializer.js';

export type ValueId = number;
export type NodeId = number;
export type RegionId = number;

/** Where a value comes from. */
export type Origin =
  | { readonly kind: 'node'; readonly node: NodeId; readonly output: number }
  /** Given by the caller at every run. */
  | { readonly kind: 'input'; readonly name: string }
  /** Trainable, persistent, fp32 master. */
  | { readonly kind: 'parameter'; readonly name: string; readonly init: Initializer }
  /** Persistent but not trained: optimiser moments, running statistics. */
  | { readonly kind: 'state'; readonly name: string; readonly role: StateRole; readonly init: Initializer }
  /** A scalar of the step block: changes between steps without a new plan. */
  | { readonly kind: 'step'; readonly name: string }
  /** Persistent copy of a parameter in another form (packed, cast), refreshed whenever the parameter is written. */
  | { readonly kind: 'derived'; readonly name: string; readonly node: DerivedNode };

export type StateRole = 'optimizer' | 'buffer';

/** The computation behind a derived value; it reads parameters only. */
export type DerivedNode = {
  [K in OpName]: { readonly op: K; readonly attrs: AttrsOf<OpTable[K]['attrs']>; readonly inputs: readonly ValueId[] };
}[OpName];

export interface Value {
  readonly id: ValueId;
  readonly type: TensorType;
  readonly origin: Origin;
}

/** Which part of a step a node belongs to. */
export type Phase = 'forward' | 'backward' | 'update';

interface NodeOf<K extends OpName> {
  readonly op: K;
  readonly id: NodeId;
  readonly attrs: AttrsOf<OpTable[K]['attrs']>;
  readonly inputs: readonly ValueId[];
  readonly outputs: readonly ValueId[];
  /** Scoped name, unique in the graph, e.g. `net.encoder.0.conv`; random draws are keyed by it. */
  readonly name: string;
  /** Innermost region, or -1. */
  readonly region: RegionId;
  readonly phase: Phase;
  /**
   * Place in the forward program: of a forward node its own, of a backward node that of the forward node it belongs to.
   * Grows along the forward pass and falls along the backward pass; passes keep it. The memory pass goes by it.
   */
  readonly order: number;
}

/** A node: a union discriminated by `op`. */
export type GraphNode = { [K in OpName]: NodeOf<K> }[OpName];

/**
 * A contiguous run of forward nodes: the unit in which the memory pass chooses to keep, recompute or invert.
 */
export interface Region {
  readonly id: RegionId;
  readonly name: string;
  readonly parent: RegionId;
  /** Whether the memory pass may invert operations here whose inverse is not exact (float streams), when asked to. */
  readonly reversible: boolean;
}

export interface Graph {
  readonly name: string;
  readonly values: readonly Value[];
  readonly nodes: readonly GraphNode[];
  readonly regions: readonly Region[];
  readonly outputs: readonly { readonly name: string; readonly value: ValueId }[];
}

/** Nodes that read each value, in program order. */
export function readersOf(graph: Graph): ReadonlyMap<ValueId, readonly GraphNode[]> {
  const readers = new Map<ValueId, GraphNode[]>();
  for (const node of graph.nodes) {
    for (const input of new Set(node.inputs)) {
      const list = readers.get(input);
      if (list) list.push(node);
      else readers.set(input, [node]);
    }
  }
  return readers;
}
