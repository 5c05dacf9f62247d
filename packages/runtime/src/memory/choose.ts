/** The memory pass: from a lowered graph and what was asked for to the graph that is laid out, and the reasons. */

import type { BackendProfile } from '../backend/profile.js';
import { ArgumentError, OutOfMemoryError } from '../errors.js';
import type { Graph } from '../graph/graph.js';
import { verifyGraph } from '../graph/verify.js';
import { buildPlan, type PlanOptions } from '../plan/build.js';
import type { Plan } from '../plan/plan.js';
import { inverted } from './inversion.js';
import { MEMORY_MODES, type MemoryChoice, type MemoryMode, type MemoryOptions } from './options.js';
import { Scorer, type Scored } from './score.js';
import { candidates, fineScorer, type Candidate } from './pool.js';
import { bestSegments } from './segments.js';

/**
 * Choose where the values that the backward pass needs come from, and lay the result out.
 * @param graph - lowered.
 * @throws OutOfMemoryError when no choice fits the budget; it says how much the leanest needs.
 */
export function planMemory(graph: Graph, profile: BackendProfile, options: MemoryOptions & PlanOptions): Plan {
  const { memory = 'keep', cheap = true, budgetBytes } = options;
  if (!MEMORY_MODES.includes(memory)) throw new ArgumentError('memory', `one of ${MEMORY_MODES.join(', ')}`, memory);
  if (memory === 'auto' ? !(budgetBytes! > 0) : budgetBytes !== undefined && !(budgetBytes > 0))
    throw new ArgumentError('budgetBytes', 'a positive number of bytes', budgetBytes);
  const layOut = (s: Scored, scorer: Scorer): Plan => {
    const remade = scorer.build(s);
    verifyGraph(remade, `memory pass (${memory})`);
    return { ...buildPlan(remade, profile, options), choice: describe(memory, s, scorer) };
  };
  if (!graph.nodes.some((n) => n.phase === 'backward'))
    return withinBudget(buildPlan(graph, profile, options), budgetBytes);
  if (memory === 'auto') return fastestWithin(graph, profile, cheap, budgetBytes!, layOut);
  const scorer = new Scorer(graph, profile, { cheap });
  const chosen =
    memory === 'keep'
      ? scorer.score(scorer.all('keep'))
      : memory === 'recompute'
        ? bestSegments(scorer)
        : inverted(scorer);
  const plan = layOut(chosen, scorer);
  if (memory !== 'recompute') return withinBudget(plan, budgetBytes);
  // Where weights and a single level make the peak, segments save nothing and leave holes: then nothing is computed twice.
  const kept = layOut(scorer.score(scorer.all('keep')), scorer);
  return withinBudget(kept.memory.peakBytes <= plan.memory.peakBytes ? kept : plan, budgetBytes);
}

/** The fastest choice whose plan, laid out, fits. */
function fastestWithin(
  graph: Graph,
  profile: BackendProfile,
  cheap: boolean,
  budgetBytes: number,
  layOut: (s: Scored, scorer: Scorer) => Plan,
): Plan {
  const scorer = fineScorer(graph, profile, cheap);
  const keep = scorer.score(scorer.all('keep'));
  if (keep.peakBytes <= budgetBytes) {
    const plan = layOut(keep, scorer);
    if (plan.memory.peakBytes <= budgetBytes) return plan;
  }
  const pool = candidates(graph, profile, cheap);
  for (const candidate of pool) {
    // What was laid out for another budget is known; a bound that does not fit needs no layout.
    if ((candidate.laidOutBytes ?? candidate.peakBytes) > budgetBytes) continue;
    const plan = layOut(candidate.scorer.score(candidate.choices), candidate.scorer);
    candidate.laidOutBytes = plan.memory.peakBytes;
    if (plan.memory.peakBytes <= budgetBytes) return plan;
  }
  const { choices, scorer: own } = pool.reduce((least, c) => (bytesOf(c) < bytesOf(least) ? c : least));
  return withinBudget(layOut(own.score(choices), own), budgetBytes);
}

function bytesOf({ laidOutBytes, peakBytes }: Candidate): number {
  return laidOutBytes ?? peakBytes;
}

function withinBudget(plan: Plan, budgetBytes: number | undefined): Plan {
  if (budgetBytes === undefined || plan.memory.peakBytes <= budgetBytes) return plan;
  throw new OutOfMemoryError(
    plan.memory.peakBytes,
    budgetBytes,
    `this is the leanest plan of "${plan.name}" that was allowed; use a smaller patch or batch, fewer channels, a q16 stream in reversible networks, or memory "auto" or "invert"`,
  );
}

function describe(mode: MemoryMode, s: Scored, scorer: Scorer): MemoryChoice {
  const { plain } = scorer;
  const warnings: string[] = [];
  if (s.sources.inexact)
    warnings.push(
      'activations of a float stream are rebuilt with rounding errors, which grow with depth: gradients differ from those of "keep"; use a q16 or q32 stream for exact ones',
    );
  if (mode === 'invert' && !s.choices.includes('invert'))
    warnings.push('nothing in this network can be inverted: its activations are kept');
  return {
    mode,
    units: scorer.units.list.map(({ name }, i) => ({ name, choice: s.choices[i]! })),
    extraFlops: s.flops - plain.flops,
    extraBytes: s.bytes - plain.bytes,
    seconds: s.seconds,
    keepSeconds: plain.seconds,
    warnings,
  };
}
