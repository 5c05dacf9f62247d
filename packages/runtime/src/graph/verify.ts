/**
 * Invariants of a graph, checked between passes: single assignment, definition before use, types as the shape rules
 * say, no reader of persistent state after it was overwritten, unique names, regions that nest, forward regions contiguous.
 */

import { internal } from '../errors.js';
import { inferTypes, type OpDefinition } from '../ops/op.js';
import { OPS } from '../ops/registry.js';
import type { Graph, ValueId } from './graph.js';
import { sameShape } from './shape.js';

/** @throws RevoxelError ERR_INTERNAL naming the pass and the fault. @internal */
export function verifyGraph(graph: Graph, after: string): void {
  const fault = graphFault(graph);
  if (fault) internal(`after ${after}, graph "${graph.name}": ${fault}`);
}

/** The first broken invariant, or undefined. */
export function graphFault(graph: Graph): string | undefined {
  const defined = new Set<ValueId>();
  const overwritten = new Map<ValueId, string>();
  const names = new Set<string>();
  for (const [i, value] of graph.values.entries()) {
    if (value.id !== i) return `value ${i} has id ${value.id}`;
    if (value.origin.kind !== 'node') defined.add(i);
  }
  for (const [i, region] of graph.regions.entries()) {
    if (region.id !== i || region.parent >= i) return `region "${region.name}" is out of order`;
  }
  const closed = new Set<number>();
  let open: number[] = [];
  for (const [i, node] of graph.nodes.entries()) {
    if (node.id !== i) return `node "${node.name}" has id ${node.id} at position ${i}`;
    if (names.has(node.name)) return `two nodes are named "${node.name}"`;
    names.add(node.name);
    for (const v of node.inputs) {
      if (!defined.has(v)) return `node "${node.name}" reads value ${v} before it is made`;
      const writer = overwritten.get(v);
      if (writer) return `node "${node.name}" reads a value that "${writer}" has overwritten`;
    }
    const op: OpDefinition = OPS[node.op];
    const types = inferTypes(
      op,
      node.name,
      node.inputs.map((v) => graph.values[v]!.type),
      node.attrs,
    );
    if (types.length !== node.outputs.length)
      return `node "${node.name}" has ${node.outputs.length} outputs, its rule gives ${types.length}`;
    for (const [j, v] of node.outputs.entries()) {
      if (defined.has(v)) return `value ${v} is made twice`;
      defined.add(v);
      const { type, origin } = graph.values[v]!;
      if (origin.kind !== 'node' || origin.node !== i || origin.output !== j)
        return `value ${v} does not name its maker "${node.name}"`;
      if (!sameShape(type.shape, types[j]!.shape) || type.dtype !== types[j]!.dtype)
        return `value ${v} of "${node.name}" has the wrong type`;
    }
    for (const [, input] of op.mutates ?? []) {
      const { origin } = graph.values[node.inputs[input]!]!;
      if (origin.kind !== 'parameter' && origin.kind !== 'state')
        return `node "${node.name}" overwrites a value that is not persistent`;
      overwritten.set(node.inputs[input]!, node.name);
    }
    if (node.phase !== 'forward') continue;
    const path: number[] = [];
    for (let r = node.region; r >= 0; r = graph.regions[r]!.parent) path.unshift(r);
    for (const r of open) if (!path.includes(r)) closed.add(r);
    for (const r of path)
      if (closed.has(r)) return `region "${graph.regions[r]!.name}" is not contiguous at "${node.name}"`;
    open = path;
  }
  for (const { name, value } of graph.outputs) if (!defined.has(value)) return `output "${name}" is never made`;
  return undefined;
}
