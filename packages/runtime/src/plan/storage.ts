/**
 * Which values share memory. A buffer is a run of values that occupy the same bytes one after another: an in-place
 * result takes over the bytes of an operand that has no later reader; everything else gets a buffer of its own.
 * Gradients of parameters form one contiguous group in the order in which the backward pass makes them.
 */

import { internal } from '../errors.js';
import { readersOf, type Graph, type GraphNode, type ValueId } from '../graph/graph.js';
import { typeBytes, type OpDefinition } from '../ops/op.js';
import { OPS } from '../ops/registry.js';
import { alignUp } from './layout.js';
import type { MemoryClass } from './plan.js';

/** Where a value's bytes are. */
export type Place =
  | { readonly kind: 'buffer'; readonly buffer: number; readonly offset: number }
  /** The persistent (or derived) leaf of that value id. */
  | { readonly kind: 'persistent'; readonly leaf: ValueId }
  | { readonly kind: 'step' }
  | { readonly kind: 'return' };

export interface Buffer {
  begin: number;
  end: number;
  bytes: number;
  memoryClass: MemoryClass;
}

export interface Storage {
  readonly places: ReadonlyMap<ValueId, Place>;
  readonly buffers: readonly Buffer[];
}

/**
 * Assign values to buffers. Steps are node positions; inputs live from step 0.
 * @param last - the step after all calls, in which outputs are copied out: they live until then.
 * @param reuse - false gives every value its own buffer for the whole run.
 */
export function assignStorage(graph: Graph, alignment: number, last: number, reuse: boolean): Storage {
  const lastRead = lastReads(graph, last);
  const gradients = parameterGradients(graph);
  const results = new Set(graph.outputs.map((o) => o.value));
  const places = new Map<ValueId, Place>();
  const buffers: Buffer[] = [];

  const fresh = (bytes: number, begin: number, end: number, memoryClass: MemoryClass): number => {
    buffers.push(reuse ? { begin, end, bytes, memoryClass } : { begin: 0, end: last, bytes, memoryClass });
    return buffers.length - 1;
  };

  const group = placeGradients(graph, gradients, alignment, last, places);
  if (group) buffers.push(group);

  for (const { id, type, origin } of graph.values) {
    if (origin.kind === 'input') {
      const buffer = fresh(typeBytes(type), 0, lastRead.get(id) ?? 0, 'io');
      places.set(id, { kind: 'buffer', buffer, offset: 0 });
    } else if (origin.kind === 'step') places.set(id, { kind: 'step' });
    else if (origin.kind !== 'node') places.set(id, { kind: 'persistent', leaf: id });
  }

  graph.nodes.forEach((node, step) => {
    const op: OpDefinition = OPS[node.op];
    const taken = new Set<number>();
    node.outputs.forEach((v, output) => {
      const { type } = graph.values[v]!;
      const overwritten = op.mutates?.find(([o]) => o === output);
      if (overwritten) {
        const target = places.get(node.inputs[overwritten[1]]!);
        if (target?.kind !== 'persistent') internal(`"${node.name}" overwrites a value that is not persistent`);
        places.set(v, target);
        return;
      }
      if (places.has(v)) return; // a gradient in the group
      if (results.has(v) && type.shape.length === 0 && type.dtype === 'f32') {
        places.set(v, { kind: 'return' });
        return;
      }
      const end = lastRead.get(v) ?? step;
      const host = reuse
        ? inPlaceHost(graph, node, output, step, places, buffers, lastRead, taken, gradients)
        : undefined;
      if (host !== undefined) {
        taken.add(host);
        const buffer = buffers[host]!;
        buffer.end = Math.max(buffer.end, end);
        if (results.has(v)) buffer.memoryClass = 'io';
        places.set(v, { kind: 'buffer', buffer: host, offset: 0 });
      } else {
        places.set(v, {
          kind: 'buffer',
          buffer: fresh(typeBytes(type), step, end, results.has(v) ? 'io' : 'activations'),
          offset: 0,
        });
      }
    });
  });
  return { places, buffers };
}

/** Last step that reads each value; outputs are read after the last step. */
function lastReads(graph: Graph, last: number): Map<ValueId, number> {
  const lastRead = new Map<ValueId, number>();
  graph.nodes.forEach((node, step) => node.inputs.forEach((v) => lastRead.set(v, step)));
  for (const { value } of graph.outputs) lastRead.set(value, last);
  return lastRead;
}

/** Values that an optimiser update consumes as gradient, in the order in which they are made. */
function parameterGradients(graph: Graph): Set<ValueId> {
  const consumed = new Set<ValueId>();
  for (const node of graph.nodes) {
    if (node.op === 'sgdUpdate' || node.op === 'adamwUpdate') consumed.add(node.inputs[1]!);
  }
  const made = new Set<ValueId>();
  for (const node of graph.nodes) for (const v of node.outputs) if (consumed.has(v)) made.add(v);
  return made;
}

function placeGradients(
  graph: Graph,
  gradients: ReadonlySet<ValueId>,
  alignment: number,
  last: number,
  places: Map<ValueId, Place>,
): Buffer | undefined {
  if (gradients.size === 0) return undefined;
  let bytes = 0;
  for (const v of gradients) {
    places.set(v, { kind: 'buffer', buffer: 0, offset: bytes });
    bytes += alignUp(typeBytes(graph.values[v]!.type), alignment);
  }
  const readers = readersOf(graph);
  const first = graph.nodes.findIndex((n) => n.outputs.some((v) => gradients.has(v)));
  let end = first;
  for (const v of gradients) for (const n of readers.get(v) ?? []) end = Math.max(end, n.id);
  if (graph.outputs.some((o) => gradients.has(o.value))) end = last;
  return { begin: first, end, bytes, memoryClass: 'gradients' };
}

/** The buffer an output may take over, or undefined. */
function inPlaceHost(
  graph: Graph,
  node: GraphNode,
  output: number,
  step: number,
  places: ReadonlyMap<ValueId, Place>,
  buffers: readonly Buffer[],
  lastRead: ReadonlyMap<ValueId, number>,
  taken: ReadonlySet<number>,
  gradients: ReadonlySet<ValueId>,
): number | undefined {
  const op: OpDefinition = OPS[node.op];
  if (!op.inPlace) return undefined;
  const typeOf = (v: ValueId): (typeof graph.values)[number]['type'] => graph.values[v]!.type;
  const bytes = typeBytes(typeOf(node.outputs[output]!));
  const pairs = op.inPlace({
    inputs: node.inputs.map(typeOf),
    outputs: node.outputs.map(typeOf),
    attrs: node.attrs as never,
  });
  for (const [o, i] of pairs) {
    if (o !== output) continue;
    const v = node.inputs[i]!;
    const place = places.get(v);
    if (place?.kind !== 'buffer' || gradients.has(v) || taken.has(place.buffer)) continue;
    // An operand that appears twice may be read at another index after its element was overwritten.
    if (node.inputs.filter((w) => w === v).length > 1) continue;
    if (lastRead.get(v) !== step || buffers[place.buffer]!.end !== step || typeBytes(typeOf(v)) !== bytes) continue;
    return place.buffer;
  }
  return undefined;
}
