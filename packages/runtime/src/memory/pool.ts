/**
 * The choices that `auto` picks from: those of the search over at most 24 units, and the fixed choices over all regions,
 * which may be finer. Made once for a graph, a profile and an answer to `cheap`, whatever the budget: so a larger budget
 * never gives a slower plan, and a row of budgets is searched once.
 */

import type { BackendProfile } from '../backend/profile.js';
import type { Graph } from '../graph/graph.js';
import { inverted } from './inversion.js';
import type { UnitChoice } from './options.js';
import { Scorer, type Scored } from './score.js';
import { paretoPool } from './search.js';
import { bestSegments } from './segments.js';

/** Units the search decides on one by one. */
const MOST_UNITS = 24;

/** A choice that may be laid out. */
export interface Candidate {
  readonly choices: readonly UnitChoice[];
  readonly seconds: number;
  /** Lower bound of the plan's peak. */
  readonly peakBytes: number;
  /** The plan's peak, once it was laid out. */
  laidOutBytes?: number;
  /** Whose units the choices are for. */
  readonly scorer: Scorer;
}

interface Pool {
  readonly profile: BackendProfile;
  readonly cheap: boolean;
  readonly candidates: readonly Candidate[];
}

const pools = new WeakMap<Graph, Pool>();

/** Over all regions; inverses that are not exact are never chosen by themselves. */
export function fineScorer(graph: Graph, profile: BackendProfile, cheap: boolean): Scorer {
  return new Scorer(graph, profile, { cheap, exactOnly: true });
}

/** Choices worth laying out, fastest first. */
export function candidates(graph: Graph, profile: BackendProfile, cheap: boolean): readonly Candidate[] {
  const known = pools.get(graph);
  if (known?.profile === profile && known.cheap === cheap) return known.candidates;
  const coarse = (): Scorer => new Scorer(graph, profile, { cheap, exactOnly: true, mostUnits: MOST_UNITS });
  const fine = fineScorer(graph, profile, cheap);
  const fixed = [fine.score(fine.all('keep')), bestSegments(fine), inverted(fine)];
  const of = (scorer: Scorer, list: readonly Scored[]): Candidate[] =>
    list.map(({ choices, seconds, peakBytes }) => ({ choices, seconds, peakBytes, scorer }));
  // The scorer that lays out is another than the one that searched: that one knows hundreds of choices and is let go.
  const all = [...of(coarse(), paretoPool(coarse())), ...of(fine, fixed)].sort(
    (a, b) => a.seconds - b.seconds || a.peakBytes - b.peakBytes,
  );
  pools.set(graph, { profile, cheap, candidates: all });
  return all;
}
