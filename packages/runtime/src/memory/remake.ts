/**
 * Rebuilds a graph so that its backward nodes read what the chosen sources give them: kept values, values computed
 * forward again from kept ones, values inverted from later ones. Everything is made as late as its first reader allows,
 * with one exception: as soon as the backward pass has come to a coupling, the coupling is undone, so that its result
 * gives way to its operand and the residual function is evaluated once, for inversion and gradient alike.
 *
 * Where an exact stream begins, a checksum of what enters is taken by the first coupling and compared when the coupling
 * is undone; a difference stops the run (`checkEqual`).
 */

import { internal } from '../errors.js';
import type { Graph, GraphNode, ValueId } from '../graph/graph.js';
import type { Tensor } from '../graph/tensor.js';
import { Rewriter } from '../lower/rewrite.js';
import { readsOf, type CheckedRecovery, type OpDefinition } from '../ops/op.js';
import { OPS } from '../ops/registry.js';
import type { ClampRead, Facts, Inverse } from './facts.js';
import type { Sources } from './sources.js';

export function remake(facts: Facts, sources: Sources): Graph {
  if (sources.remade.size === 0 && sources.fromStates.size === 0) return facts.graph;
  return new Remaker(facts, sources).run();
}

class Remaker {
  private readonly rewriter: Rewriter;
  /** Values made a second time. */
  private readonly again = new Map<ValueId, Tensor>();
  /** Inversions that are still to come, the next one last. */
  private readonly pending: { readonly value: ValueId; readonly inverse: Inverse }[];
  private readonly clampReads: ReadonlyMap<GraphNode, ClampRead>;
  /** Nodes whose operand is checked when they are undone. */
  private readonly checked: ReadonlyMap<GraphNode, CheckedRecovery>;

  constructor(
    private readonly facts: Facts,
    private readonly sources: Sources,
  ) {
    this.clampReads = new Map(facts.clampReads.map((read) => [read.node, read]));
    this.rewriter = new Rewriter(facts.graph);
    // In their order, whichever node comes first now: a session lists the same names under every choice.
    for (const { id, origin } of facts.graph.values) if (origin.kind !== 'node') this.rewriter.get(id);
    this.pending = [...sources.remade]
      .flatMap((value) => {
        const source = sources.of(value);
        return source.kind === 'invert' ? [{ value, inverse: source }] : [];
      })
      .sort((a, b) => a.inverse.node.order - b.inverse.node.order || a.inverse.node.id - b.inverse.node.id);
    // Where a run of inverted couplings begins: nothing behind the value would notice if it was rebuilt wrongly.
    const inverted = new Set(this.pending.map(({ inverse }) => inverse.node));
    this.checked = new Map(
      this.pending.flatMap(({ value, inverse: { node, rule } }) =>
        rule.checked && !inverted.has(facts.producer.get(value)!) ? [[node, rule.checked]] : [],
      ),
    );
  }

  run(): Graph {
    const { rewriter, facts, sources } = this;
    for (const node of facts.graph.nodes) {
      if (node.phase === 'forward') {
        const checked = this.checked.get(node);
        rewriter.copy(node, checked ? { attrs: checked.attrs as typeof node.attrs } : {});
        continue;
      }
      if (node.phase === 'backward') this.undoFrom(node);
      if (node.op === 'coupleGrad' && sources.fromStates.has(node)) {
        const { before, after } = this.clampReads.get(node)!;
        const inputs = [this.get(before), this.get(after), this.get(node.inputs[1]!)];
        rewriter.copy(node, { inputs, attrs: { ...node.attrs, from: 'states' } });
        continue;
      }
      rewriter.copy(node, { inputs: node.inputs.map((v) => this.get(v)) });
    }
    return rewriter.finish();
  }

  /** Undo what lies at or behind a backward node's place in the forward program, as far as it has been done by then. */
  private undoFrom({ id, order }: GraphNode): void {
    for (let i = this.pending.length - 1; i >= 0 && this.pending[i]!.inverse.node.order >= order; i--) {
      if (this.pending[i]!.inverse.node.id > id) continue;
      const [next] = this.pending.splice(i, 1);
      this.get(next!.value);
    }
  }

  /** The tensor that stands for a value of the source graph in the backward pass. */
  private get(v: ValueId): Tensor {
    if (!this.facts.producer.has(v)) return this.rewriter.get(v);
    const known = this.again.get(v);
    if (known) return known;
    const source = this.sources.of(v);
    switch (source.kind) {
      case 'keep':
        return this.rewriter.get(v);
      case 'recompute':
        return this.repeat(v);
      case 'invert':
        return this.invert(v, source);
      default:
        return source satisfies never;
    }
  }

  private repeat(v: ValueId): Tensor {
    const node = this.facts.producer.get(v)!;
    const op: OpDefinition = OPS[node.op];
    const inputs = node.inputs.map((w) => this.get(w));
    const place = { region: node.region, phase: 'backward', order: node.order } as const;
    const { builder } = this.rewriter;
    const { replay } = op;
    const outputs = replay
      ? builder.at({ path: `${node.name}:again`, ...place }, () =>
          replay.emit(
            inputs,
            node.outputs.map((w, i) => (replay.kept.includes(i) ? this.rewriter.get(w) : null)),
            node.attrs as never,
          ),
        )
      : builder.emit(node.op, inputs, node.attrs as never, { name: `${node.name}:again`, ...place });
    // Results of one node come together; those that are kept anyway are not taken from here.
    node.outputs.forEach((w, i) => {
      const made = outputs[i];
      if (made && this.sources.of(w).kind === 'recompute') this.again.set(w, made);
    });
    return this.again.get(v) ?? internal(`"${node.name}" cannot be repeated for its result ${v}`);
  }

  private invert(v: ValueId, { node, index, rule }: Inverse): Tensor {
    const { builder } = this.rewriter;
    const reads = readsOf(rule, index, node.inputs.length);
    const outputs = node.outputs.map((w, o) => (reads.outputs.includes(o) ? this.get(w) : null));
    const inputs = node.inputs.map((w, i) => (reads.inputs.includes(i) ? this.get(w) : null));
    const place = { path: `${node.name}:back`, region: node.region, phase: 'backward', order: node.order } as const;
    const recovered = builder.at(place, () => {
      const checked = this.checked.get(node);
      if (!checked) return rule.emit(outputs, inputs);
      const { operand, sum } = checked.emit(outputs, inputs);
      const original = this.rewriter.get(node.outputs[checked.sum]!);
      builder.emit('checkEqual', [original, sum], {}, { name: `${node.name}:check` });
      return operand;
    });
    this.again.set(v, recovered);
    return recovered;
  }
}
