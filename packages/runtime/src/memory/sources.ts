/**
 * From one choice per unit to one source per value: kept, recomputed, or inverted. A unit that inverts rebuilds what its
 * own operations read from what they give; its other values are computed forward again. A unit that recomputes keeps what
 * crosses the border of its segment.
 */

import type { GraphNode, ValueId } from '../graph/graph.js';
import { readsOf, type OpDefinition } from '../ops/op.js';
import { OPS } from '../ops/registry.js';
import { bytesOf, canRepeat, isStream, SMALL_BYTES, type Facts, type Inverse } from './facts.js';
import type { UnitChoice } from './options.js';
import type { Units } from './units.js';

export type Source =
  { readonly kind: 'keep' } | { readonly kind: 'recompute' } | ({ readonly kind: 'invert' } & Inverse);

const KEEP: Source = { kind: 'keep' };
const RECOMPUTE: Source = { kind: 'recompute' };

export interface Sources {
  of(value: ValueId): Source;
  /** Forward values that are kept because something of the backward pass needs them. */
  readonly kept: ReadonlySet<ValueId>;
  /** Values that are rebuilt or computed again. */
  readonly remade: ReadonlySet<ValueId>;
  /** Backward nodes that find clamped elements from the states around a coupling. */
  readonly fromStates: ReadonlySet<GraphNode>;
  /** Whether an inverse is used that is not exact. */
  readonly inexact: boolean;
}

/**
 * Sources of all values the backward pass needs, directly or to remake others.
 * @param cheap - values to be computed again although their unit keeps.
 */
export function decideSources(
  facts: Facts,
  units: Units,
  choices: readonly UnitChoice[],
  cheap: ReadonlySet<ValueId>,
): Sources {
  const segment = segmentsOf(choices);
  const forced = new Set<ValueId>();
  const banned = new Set<ValueId>();
  const decided = new Map<ValueId, Source>();

  const decide = (v: ValueId): Source => {
    if (forced.has(v) || facts.results.has(v) || bytesOf(facts, v) <= SMALL_BYTES) return KEEP;
    const inverse = banned.has(v)
      ? undefined
      : facts.inverses.get(v)?.find(({ node }) => choices[units.of(node)] === 'invert');
    if (inverse) return { kind: 'invert', ...inverse };
    const node = facts.producer.get(v)!;
    const { replay } = OPS[node.op] as OpDefinition;
    if (!canRepeat(node) || replay?.kept.includes(node.outputs.indexOf(v))) return KEEP;
    if (cheap.has(v)) return RECOMPUTE;
    const unit = units.of(node);
    const choice = unit < 0 ? 'keep' : choices[unit]!;
    if (choice === 'keep' || (choice === 'invert' && isStream(facts, v))) return KEEP;
    const inside = (facts.readers.get(v) ?? []).every((reader) => {
      const other = units.of(reader);
      return other >= 0 && segment[other] === segment[unit];
    });
    return inside ? RECOMPUTE : KEEP;
  };

  // Where a coupling clamped shows in what was added, or in the states before and after. Whoever keeps what was added only
  // for this keeps the states instead: they are there for the norms around, as a rule.
  const wanted = new Set(facts.direct);
  const fromStates = new Set<GraphNode>();
  const isKept = (v: ValueId): boolean => !facts.producer.has(v) || decide(v).kind === 'keep';
  for (const { node, added, before, after } of facts.clampReads) {
    if (!wanted.has(added) && decide(added).kind === 'keep' && isKept(before) && isKept(after)) {
      fromStates.add(node);
      wanted.add(before).add(after);
    } else wanted.add(added);
  }

  // A value that would need itself is not inverted, and if that does not help it is kept; then all is looked at again.
  for (;;) {
    decided.clear();
    const state = new Map<ValueId, 'open' | 'done'>();
    const path: ValueId[] = [];
    let loop: readonly ValueId[] | undefined;
    const visit = (v: ValueId): void => {
      if (loop !== undefined || !facts.producer.has(v)) return;
      const seen = state.get(v);
      if (seen === 'done') return;
      if (seen === 'open') {
        loop = path.slice(path.indexOf(v));
        return;
      }
      state.set(v, 'open');
      path.push(v);
      const source = decide(v);
      decided.set(v, source);
      for (const w of operandsOf(facts, v, source)) visit(w);
      state.set(v, 'done');
      path.pop();
    };
    for (const v of wanted) visit(v);
    if (loop === undefined) break;
    const inverted = loop.find((v) => decided.get(v)?.kind === 'invert');
    if (inverted === undefined) forced.add(loop[0]!);
    else banned.add(inverted);
  }

  const kept = new Set<ValueId>();
  const remade = new Set<ValueId>();
  let inexact = false;
  for (const [v, source] of decided) {
    if (source.kind === 'keep') kept.add(v);
    else remade.add(v);
    if (source.kind === 'invert' && !source.rule.exact) inexact = true;
  }
  return { of: (v) => decided.get(v) ?? KEEP, kept, remade, fromStates, inexact };
}

/** What must be there to make a value. */
export function operandsOf(facts: Facts, v: ValueId, source: Source): readonly ValueId[] {
  switch (source.kind) {
    case 'keep':
      return [];
    case 'recompute': {
      const node = facts.producer.get(v)!;
      const { replay } = OPS[node.op] as OpDefinition;
      return [...node.inputs, ...(replay?.kept ?? []).map((o) => node.outputs[o]!)];
    }
    case 'invert': {
      const { node, index, rule } = source;
      const { outputs, inputs } = readsOf(rule, index, node.inputs.length);
      return [...outputs.map((o) => node.outputs[o]!), ...inputs.map((i) => node.inputs[i]!)];
    }
    default:
      return source satisfies never;
  }
}

/** A number per unit; units that are recomputed together have the same one. */
function segmentsOf(choices: readonly UnitChoice[]): number[] {
  let current = -1;
  return choices.map((choice) => (choice === 'join' && current >= 0 ? current : ++current));
}
