/**
 * Values that are not worth their memory: one pass over operands that are there anyway makes them again. Taken in the
 * order of bytes saved per second, until together they would cost five per cent of the step.
 */

import type { BackendProfile } from '../backend/profile.js';
import type { ValueId } from '../graph/graph.js';
import type { OpDefinition } from '../ops/op.js';
import { OPS } from '../ops/registry.js';
import { bytesOf, canRepeat, SMALL_BYTES, type Facts } from './facts.js';
import { nodeCost, secondsOf } from './time.js';

/** Share of the step's time that all cheap values together may cost. */
const SHARE = 0.05;

/** The values of a graph that are made again rather than kept. */
export function cheapValues(facts: Facts, profile: BackendProfile): ReadonlySet<ValueId> {
  const { graph, producer, direct, results } = facts;
  let total = 0;
  for (const node of graph.nodes) total += secondsOf(nodeCost(graph, node), profile);

  const chosen = new Set<ValueId>();
  const candidates = [...direct]
    .filter((v) => !results.has(v) && bytesOf(facts, v) > SMALL_BYTES)
    .flatMap((v) => {
      const node = producer.get(v)!;
      if (!(OPS[node.op] as OpDefinition).onePass || !canRepeat(node)) return [];
      // Operands that the backward pass reads anyway, or that always are there.
      const free = node.inputs.every((w) => !producer.has(w) || direct.has(w) || bytesOf(facts, w) <= SMALL_BYTES);
      if (!free) return [];
      return [{ v, seconds: secondsOf(nodeCost(graph, node), profile), bytes: bytesOf(facts, v) }];
    })
    .sort((a, b) => b.bytes / b.seconds - a.bytes / a.seconds || a.v - b.v);
  let spent = 0;
  for (const { v, seconds } of candidates) {
    if (spent + seconds > SHARE * total) continue;
    spent += seconds;
    chosen.add(v);
  }
  return chosen;
}
