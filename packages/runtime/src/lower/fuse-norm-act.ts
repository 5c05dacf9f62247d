/**
 * norm followed by leaky ReLU becomes `normAct`; in the backward pass unaryGrad followed by normGrad becomes
 * `normActGrad`, which finds the sign again from x. The normalised tensor is then never kept.
 */

import { readersOf, type Graph, type GraphNode, type ValueId } from '../graph/graph.js';
import type { OpName } from '../ops/registry.js';
import { placeOf, Rewriter } from './rewrite.js';

type NodeOf<K extends OpName> = Extract<GraphNode, { op: K }>;

interface Match {
  readonly norm: NodeOf<'norm'>;
  readonly act: NodeOf<'unary'>;
  readonly actGrads: readonly NodeOf<'unaryGrad'>[];
  readonly normGrads: readonly NodeOf<'normGrad'>[];
}

export function fuseNormAct(graph: Graph): Graph {
  const matches = findMatches(graph);
  if (matches.length === 0) return graph;
  const byNorm = new Map(matches.map((m) => [m.norm.id, m]));
  const byNormGrad = new Map(matches.flatMap((m) => m.normGrads.map((n) => [n.id, m] as const)));
  const absorbed = new Set(matches.flatMap((m) => [m.act.id, ...m.actGrads.map((n) => n.id)]));

  const rewriter = new Rewriter(graph);
  for (const node of graph.nodes) {
    if (absorbed.has(node.id)) continue;
    const forward = byNorm.get(node.id);
    const backward = byNormGrad.get(node.id);
    if (forward) {
      const { norm, act } = forward;
      const inputs = norm.inputs.map((v) => rewriter.get(v));
      const results = rewriter.builder.emit(
        'normAct',
        inputs,
        { ...norm.attrs, slope: act.attrs.slope, to: 'same' },
        placeOf(norm),
      );
      rewriter.set(act.outputs[0]!, results[0]!);
      rewriter.set(norm.outputs[1]!, results[1]!);
      rewriter.set(norm.outputs[2]!, results[2]!);
    } else if (backward) {
      const { norm, act, actGrads } = backward;
      const actGrad = actGrads.find((n) => n.outputs[0] === node.inputs[4])!;
      const operands = [...norm.inputs, norm.outputs[1]!, norm.outputs[2]!, actGrad.inputs[1]!].map((v) =>
        rewriter.get(v),
      );
      const results = rewriter.builder.emit(
        'normActGrad',
        operands,
        { ...norm.attrs, slope: act.attrs.slope },
        placeOf(node),
      );
      node.outputs.forEach((v, i) => rewriter.set(v, results[i]!));
    } else {
      rewriter.copy(node);
    }
  }
  return rewriter.finish();
}

function findMatches(graph: Graph): Match[] {
  const readers = readersOf(graph);
  const results = new Set(graph.outputs.map((o) => o.value));
  const readersOfValue = (v: ValueId): readonly GraphNode[] => readers.get(v) ?? [];
  const matches: Match[] = [];
  for (const norm of graph.nodes) {
    if (norm.op !== 'norm') continue;
    const y = norm.outputs[0]!;
    if (results.has(y)) continue;
    const users = readersOfValue(y);
    const acts = users.filter((n): n is NodeOf<'unary'> => n.op === 'unary' && n.attrs.kind === 'leakyRelu');
    const act = acts[0];
    if (acts.length !== 1 || !act) continue;
    const actGrads = users.filter(
      (n): n is NodeOf<'unaryGrad'> =>
        n.op === 'unaryGrad' &&
        n.attrs.kind === 'leakyRelu' &&
        n.attrs.slope === act.attrs.slope &&
        n.inputs[0] === y &&
        n.inputs[1] !== y,
    );
    if (users.length !== 1 + actGrads.length) continue;
    const normGrads: NodeOf<'normGrad'>[] = [];
    const fits = actGrads.every((n) => {
      const next = readersOfValue(n.outputs[0]!);
      const grad = next[0];
      if (results.has(n.outputs[0]!) || next.length !== 1 || grad?.op !== 'normGrad') return false;
      if (grad.inputs[0] !== norm.inputs[0] || grad.inputs[2] !== norm.outputs[1] || grad.inputs[4] !== n.outputs[0])
        return false;
      normGrads.push(grad);
      return true;
    });
    if (fits) matches.push({ norm, act, actGrads, normGrads });
  }
  return matches;
}
