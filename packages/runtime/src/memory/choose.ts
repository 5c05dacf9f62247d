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
import { paretoPool } from './search.js';
import { bestSegments, leanest } from './segments.js';

/** Units the search of `auto` decides on one by one. */
const MOST_UNITS = 24;
/** Choices laid out in full before giving up. */
const LAY_OUT = 8;

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
    verifyGraph(s.graph, `memory pass (${memory})`);
    return { ...buildPlan(s.graph, profile, options), choice: describe(memory, s, scorer) };
  };
  if (!graph.nodes.some((n) => n.phase === 'backward'))
    return withinBudget(buildPlan(graph, profile, options), budgetBytes);

  if (memory !== 'auto') {
    const scorer = new Scorer(graph, profile, { cheap });
    const chosen =
      memory === 'keep'
        ? scorer.score(scorer.all('keep'))
        : memory === 'recompute'
          ? bestSegments(scorer)
          : inverted(scorer);
    return withinBudget(layOut(chosen, scorer), budgetBytes);
  }
  // Inexact inverses are never chosen by themselves.
  const scorer = new Scorer(graph, profile, { cheap, exactOnly: true, mostUnits: MOST_UNITS });
  const keep = scorer.score(scorer.all('keep'));
  if (keep.peakBytes <= budgetBytes!) {
    const plan = layOut(keep, scorer);
    if (plan.memory.peakBytes <= budgetBytes!) return plan;
  }
  const pool = poolOf(graph, profile, cheap, scorer);
  const fits = pool.filter((s) => s.peakBytes <= budgetBytes!).slice(0, LAY_OUT);
  for (const s of fits) {
    const plan = layOut(s, scorer);
    if (plan.memory.peakBytes <= budgetBytes!) return plan;
  }
  const least = layOut(leanest(pool), scorer);
  if (least.memory.peakBytes <= budgetBytes!) return least;
  return withinBudget(least, budgetBytes);
}

/** Pools by graph: several budgets for one network are searched once. */
const pools = new WeakMap<Graph, { readonly key: string; readonly pool: readonly Scored[] }>();

function poolOf(graph: Graph, profile: BackendProfile, cheap: boolean, scorer: Scorer): readonly Scored[] {
  const key = `${profile.name} ${cheap}`;
  const known = pools.get(graph);
  if (known?.key === key) return known.pool;
  const pool = paretoPool(scorer);
  pools.set(graph, { key, pool });
  return pool;
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
  if (mode === 'invert' && !scorer.units.list.some((u) => u.invertible))
    warnings.push('nothing in this network can be inverted: everything is kept');
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
