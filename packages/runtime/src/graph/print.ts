/** The text form of graphs: one line a node. Tests snapshot it, `--debug` shows it. */

import type { AnyAttrs } from '../ops/schema.js';
import type { TensorType } from '../ops/op.js';
import type { Graph, Value } from './graph.js';

export function printType({ dtype, shape }: TensorType): string {
  return `${dtype}[${shape.join(',')}]`;
}

/** `key=value` pairs, lists in brackets. */
export function printAttrs(attrs: AnyAttrs): string {
  return Object.entries(attrs)
    .map(([key, value]) => `${key}=${Array.isArray(value) ? `[${value.join(',')}]` : String(value)}`)
    .join(' ');
}

/** One line per leaf and node: `%7 f32[1,8,4,4,4] = conv(%0, %1) kernel=[3,3,3] ... # net.conv`. */
export function printGraph(graph: Graph): string {
  const lines = [`graph "${graph.name}"`];
  const used = new Set(graph.nodes.flatMap((n) => n.inputs));
  for (const { value } of graph.outputs) used.add(value);
  for (const value of graph.values) {
    if (value.origin.kind !== 'node' && (used.has(value.id) || value.origin.kind === 'input'))
      lines.push(`  ${leafLine(value)}`);
  }
  for (const node of graph.nodes) {
    const outputs = node.outputs.map((v) => `%${v} ${printType(graph.values[v]!.type)}`).join(', ');
    const attrs = printAttrs(node.attrs as AnyAttrs);
    const region = node.region >= 0 ? ` @${graph.regions[node.region]!.name}` : '';
    lines.push(
      `  ${outputs} = ${node.op}(${node.inputs.map((v) => `%${v}`).join(', ')})${attrs ? ` ${attrs}` : ''}  # ${node.name} ${node.phase}${region}`,
    );
  }
  for (const { name, value } of graph.outputs) lines.push(`  return ${name} = %${value}`);
  return `${lines.join('\n')}\n`;
}

function leafLine({ id, type, origin }: Value): string {
  if (origin.kind === 'derived')
    return `%${id} ${printType(type)} = derived ${origin.node.op}(${origin.node.inputs.map((v) => `%${v}`).join(', ')})  # ${origin.name}`;
  return `%${id} ${printType(type)} = ${origin.kind}${'name' in origin ? ` "${origin.name}"` : ''}`;
}
