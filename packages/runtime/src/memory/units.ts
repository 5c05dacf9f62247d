/**
 * The units of the memory choice: the innermost regions of a network, in program order; where there are more than the
 * search can handle, the regions around them.
 */

import type { Graph, GraphNode, RegionId } from '../graph/graph.js';
import { inReversible, isStream, type Facts } from './facts.js';

export interface Unit {
  readonly name: string;
  /** Whether something in it can be inverted. */
  readonly invertible: boolean;
}

export interface Units {
  readonly list: readonly Unit[];
  /** The unit of a forward node, or -1. */
  of(node: GraphNode): number;
}

/** @param most - upper bound of the number of units. */
export function findUnits(facts: Facts, most = Number.POSITIVE_INFINITY): Units {
  const { graph, forward } = facts;
  const used = [...new Set(forward.map((n) => n.region).filter((r) => r >= 0))];
  const chains = new Map(used.map((r) => [r, ancestry(graph, r)]));
  const deepest = Math.max(0, ...[...chains.values()].map((c) => c.length));
  let at = new Map<RegionId, RegionId>(used.map((r) => [r, r]));
  for (let depth = deepest; depth >= 1 && new Set(at.values()).size > most; depth--)
    at = new Map(used.map((r) => [r, chains.get(r)![Math.min(depth, chains.get(r)!.length) - 1]!]));
  // In the order in which the forward pass meets them.
  const order: RegionId[] = [];
  for (const node of forward) {
    const unit = at.get(node.region);
    if (unit !== undefined && !order.includes(unit)) order.push(unit);
  }
  // Still too many: neighbours share a unit.
  const width = Math.ceil(order.length / Math.min(most, Math.max(1, order.length)));
  const index = new Map(order.map((r, i) => [r, Math.floor(i / width)]));
  const of = (node: GraphNode): number => {
    const unit = at.get(node.region);
    return unit === undefined ? -1 : index.get(unit)!;
  };
  const names: string[][] = [];
  order.forEach((r) => (names[index.get(r)!] ??= []).push(graph.regions[r]!.name));
  const invertible = new Set<number>();
  // A reshaped or divided tensor of an ordinary network has an inverse too, but nothing is gained by it.
  for (const [v, list] of facts.inverses)
    if (isStream(facts, v) || list.some(({ node }) => inReversible(graph, node)))
      for (const { node } of list) invertible.add(of(node));
  return {
    list: names.map((members, i) => ({
      name: members.length === 1 ? members[0]! : `${members[0]!} ... ${members.at(-1)!}`,
      invertible: invertible.has(i),
    })),
    of,
  };
}

/** A region and the regions around it, outermost first. */
function ancestry(graph: Graph, region: RegionId): RegionId[] {
  const chain: RegionId[] = [];
  for (let r = region; r >= 0; r = graph.regions[r]!.parent) chain.unshift(r);
  return chain;
}
