/**
 * What the memory pass knows of a lowered graph before it decides anything: forward values and their readers, which of
 * them the backward pass reads, which follow from a later value, and which are cheap to make again.
 */

import { isFixed } from '../graph/dtype.js';
import type { Graph, GraphNode, ValueId } from '../graph/graph.js';
import { typeBytes, type OpDefinition, type Recovery } from '../ops/op.js';
import { OPS } from '../ops/registry.js';

/** How a value follows from results of one of its readers. */
export interface Inverse {
  readonly node: GraphNode;
  /** Which operand of the node the value is. */
  readonly index: number;
  readonly rule: Recovery;
}

/** A backward node that needs to know where a coupling clamped: from what was added, or from the states around it. */
export interface ClampRead {
  readonly node: GraphNode;
  readonly added: ValueId;
  readonly before: ValueId;
  readonly after: ValueId;
}

export interface Facts {
  readonly graph: Graph;
  /** Forward nodes, in program order. */
  readonly forward: readonly GraphNode[];
  /** Who makes a value of the forward pass. */
  readonly producer: ReadonlyMap<ValueId, GraphNode>;
  /** Forward readers of a forward value. */
  readonly readers: ReadonlyMap<ValueId, readonly GraphNode[]>;
  /** Forward values that backward or update nodes read; those that clamp reads alone need are not among them. */
  readonly direct: ReadonlySet<ValueId>;
  /** Forward values that always are kept: results of the graph, and what updates read. */
  readonly results: ReadonlySet<ValueId>;
  readonly clampReads: readonly ClampRead[];
  /** Inverses there are, by value. */
  readonly inverses: ReadonlyMap<ValueId, readonly Inverse[]>;
}

/** Values of at most this many bytes are kept: counters, checksums, scalars. */
export const SMALL_BYTES = 128;

/**
 * Whether a value is the state of a stream: it is fixed-point, or comes from where a stream could be rebuilt, and goes
 * where it can be.
 */
export function isStream(facts: Facts, value: ValueId): boolean {
  if (!facts.inverses.has(value)) return false;
  const node = facts.producer.get(value);
  return isFixed(facts.graph.values[value]!.type.dtype) || (node?.inputs.some((v) => facts.inverses.has(v)) ?? false);
}

/** @param exactOnly - leave out inverses that are not exact to the bit. */
export function gatherFacts(graph: Graph, exactOnly = false): Facts {
  const forward = graph.nodes.filter((n) => n.phase === 'forward');
  const producer = new Map<ValueId, GraphNode>();
  for (const node of forward) for (const v of node.outputs) producer.set(v, node);
  const readers = new Map<ValueId, GraphNode[]>();
  const direct = new Set<ValueId>();
  const inverses = new Map<ValueId, Inverse[]>();
  const read = new Set<ValueId>();
  const clampReads: ClampRead[] = [];
  for (const node of graph.nodes) {
    const clamp = clampRead(node, readers);
    if (clamp) clampReads.push(clamp);
    node.inputs.forEach((v, index) => {
      if (!producer.has(v) || v === clamp?.added) return;
      if (node.phase !== 'forward') {
        direct.add(v);
        // Made again behind the first update it would be made of other weights.
        if (node.phase === 'update') read.add(v);
        return;
      }
      const list = readers.get(v);
      if (!list) readers.set(v, [node]);
      else if (list.at(-1) !== node) list.push(node);
      const rule = inverseRule(graph, node, index);
      if (!rule || (exactOnly && !rule.exact)) return;
      const known = inverses.get(v);
      if (known) known.push({ node, index, rule });
      else inverses.set(v, [{ node, index, rule }]);
    });
  }
  const results = new Set([...read, ...graph.outputs.map((o) => o.value).filter((v) => producer.has(v))]);
  return { graph, forward, producer, readers, direct, results, clampReads, inverses };
}

function clampRead(node: GraphNode, readers: ReadonlyMap<ValueId, readonly GraphNode[]>): ClampRead | undefined {
  if (node.op !== 'coupleGrad' || node.attrs.from !== 'f' || node.phase === 'forward') return undefined;
  const added = node.inputs[0]!;
  const couplings = (readers.get(added) ?? []).filter((n) => n.op === 'couple' && n.inputs[1] === added);
  const coupling = couplings[0];
  // Twice added: the order of the two cannot be told from here.
  if (!coupling || couplings.length > 1 || coupling.op !== 'couple' || coupling.attrs.direction !== 'add')
    return undefined;
  return { node, added, before: coupling.inputs[0]!, after: coupling.outputs[0]! };
}

function inverseRule(graph: Graph, node: GraphNode, index: number): Recovery | undefined {
  // An operand that appears twice cannot be told apart.
  if (node.inputs.filter((v) => v === node.inputs[index]).length > 1) return undefined;
  const op: OpDefinition = OPS[node.op];
  const rule = op.recover?.(
    index,
    node.attrs as never,
    node.inputs.map((v) => graph.values[v]!.type),
  );
  if (!rule?.stream) return undefined;
  return rule.exact || inReversible(graph, node) ? rule : undefined;
}

/** Whether a node lies in a region that is marked as reversible. */
export function inReversible(graph: Graph, node: GraphNode): boolean {
  for (let r = node.region; r >= 0; r = graph.regions[r]!.parent) if (graph.regions[r]!.reversible) return true;
  return false;
}

/** Bytes of a value. */
export function bytesOf(facts: Facts, value: ValueId): number {
  return typeBytes(facts.graph.values[value]!.type);
}

/** Whether the memory pass may run a node a second time. */
export function canRepeat(node: GraphNode): boolean {
  const { effect } = OPS[node.op] as OpDefinition;
  return effect !== 'state' && effect !== 'check';
}
