/** Rebuilding a graph node by node: the common ground of all lowering passes. Leaves are copied when first used. */

import { GraphBuilder } from '../graph/builder.js';
import type { Graph, GraphNode, ValueId } from '../graph/graph.js';
import type { Tensor } from '../graph/tensor.js';

export class Rewriter {
  readonly source: Graph;
  readonly builder: GraphBuilder;
  private readonly map = new Map<ValueId, Tensor>();

  constructor(source: Graph) {
    this.source = source;
    this.builder = new GraphBuilder(source.name);
    this.builder.adoptRegions(source.regions);
    // Inputs and step scalars are part of the program's interface, used or not, in their order.
    for (const value of source.values) {
      if (value.origin.kind === 'input' || value.origin.kind === 'step') this.get(value.id);
    }
  }

  /** The new tensor for a value of the source graph. */
  get(id: ValueId): Tensor {
    const known = this.map.get(id);
    if (known) return known;
    const value = this.source.values[id]!;
    if (value.origin.kind === 'derived') for (const v of value.origin.node.inputs) this.get(v);
    const tensor =
      value.origin.kind === 'derived'
        ? this.builder.derived(
            value.origin.name,
            value.origin.node.op,
            value.origin.node.inputs.map((v) => this.get(v)),
            value.origin.node.attrs,
          )
        : this.builder.adoptLeaf(value);
    this.map.set(id, tensor);
    return tensor;
  }

  /** Say what takes the place of a value. */
  set(id: ValueId, tensor: Tensor): void {
    this.map.set(id, tensor);
  }

  /** Emit `node` again, with other operands or attributes where given. */
  copy(
    node: GraphNode,
    change: { readonly inputs?: readonly Tensor[]; readonly attrs?: GraphNode['attrs'] } = {},
  ): Tensor[] {
    const inputs = change.inputs ?? node.inputs.map((v) => this.get(v));
    const outputs = this.builder.emit(node.op, inputs, (change.attrs ?? node.attrs) as never, placeOf(node));
    node.outputs.forEach((v, i) => this.map.set(v, outputs[i]!));
    return outputs;
  }

  /** Finish with the source's outputs. */
  finish(): Graph {
    for (const { name, value } of this.source.outputs) this.builder.output(name, this.get(value));
    return this.builder.finish();
  }
}

/** Name, region, phase and order of a node, for its replacement. */
export function placeOf(node: GraphNode): {
  name: string;
  region: number;
  phase: GraphNode['phase'];
  order: number;
} {
  return { name: node.name, region: node.region, phase: node.phase, order: node.order };
}
