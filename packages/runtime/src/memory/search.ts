/**
 * `auto`: the fastest choice per unit whose plan fits a budget. A pool of good choices is made that does not depend on the
 * budget, from the richest to the leanest; so a larger budget never gives a slower plan.
 *
 * Few units: all combinations. Otherwise a path from "keep everything" downwards: at each of a row of levels between the
 * richest and the leanest peak, the change that removes most excess bytes (over all steps above the level) per second it
 * costs is made until the peak is below the level; then every unit that can go back to something faster does.
 */

import type { UnitChoice } from './options.js';
import type { Scored, Scorer } from './score.js';
import { inverted } from './inversion.js';
import { bestSegments, leanest, segmented } from './segments.js';

/** Combinations that are simply all tried. */
const EXHAUSTIVE = 128;
/** Levels between the richest and the leanest peak. */
const LEVELS = 10;
/** Choices scored at most, and nodes looked at in all of them: keeps the search within seconds. */
const MOST_EVALUATIONS = 900;
const MOST_NODES = 300_000;

/** Every choice a unit may have. */
export function optionsOf(scorer: Scorer, unit: number): UnitChoice[] {
  return [
    'keep',
    'recompute',
    ...(unit > 0 ? (['join'] as const) : []),
    ...(scorer.units.list[unit]!.invertible ? (['invert'] as const) : []),
  ];
}

/** Choices worth having: none is both slower and larger than another. Fastest first. */
export function paretoPool(scorer: Scorer, exhaustive = EXHAUSTIVE): Scored[] {
  const units = scorer.units.list.length;
  const combinations = scorer.units.list.reduce((n, _, i) => n * optionsOf(scorer, i).length, 1);
  if (combinations <= exhaustive) allCombinations(scorer, units);
  else descend(scorer, units);
  return pareto(scorer.scored());
}

/** Those that no other beats in both time and bytes, fastest first. */
export function pareto(list: readonly Scored[]): Scored[] {
  const sorted = [...list].sort((a, b) => a.seconds - b.seconds || a.peakBytes - b.peakBytes);
  const front: Scored[] = [];
  for (const s of sorted) if (front.length === 0 || s.peakBytes < front.at(-1)!.peakBytes) front.push(s);
  return front;
}

function allCombinations(scorer: Scorer, units: number): void {
  const choices: UnitChoice[] = [];
  const next = (): void => {
    if (choices.length === units) {
      scorer.score([...choices]);
      return;
    }
    for (const option of optionsOf(scorer, choices.length)) {
      choices.push(option);
      next();
      choices.pop();
    }
  };
  next();
}

function descend(scorer: Scorer, units: number): void {
  const start = scorer.score(scorer.all('keep'));
  const lean = [inverted(scorer), bestSegments(scorer), scorer.score(scorer.all('invert', 'recompute'))];
  for (let length = 1; length <= Math.ceil(Math.sqrt(units)); length++) scorer.score(segmented(units, length));
  const floor = shrink(scorer, leanest(lean)).peakBytes;
  let current = start;
  for (let level = 1; level <= LEVELS; level++) {
    const target = start.peakBytes * (floor / start.peakBytes) ** (level / LEVELS);
    current = lower(scorer, current, target) ?? fastestBelow(scorer, target) ?? current;
    current = speedUp(scorer, current, Math.max(target, current.peakBytes));
    if (exhausted(scorer)) break;
  }
  for (const s of lean) speedUp(scorer, s, s.peakBytes);
}

/** Change unit after unit while the peak falls. */
function shrink(scorer: Scorer, from: Scored): Scored {
  let current = from;
  for (;;) {
    const best = leanest([current, ...neighbours(scorer, current)]);
    if (best.peakBytes >= current.peakBytes || exhausted(scorer)) return current;
    current = best;
  }
}

/** Bytes above a level, summed over the steps. */
function excess(s: Scored, level: number): number {
  let sum = 0;
  for (const bytes of s.live) if (bytes > level) sum += bytes - level;
  return sum;
}

/** Change unit after unit until the peak is not above `target`; undefined when no change helps. */
function lower(scorer: Scorer, from: Scored, target: number): Scored | undefined {
  let current = from;
  while (current.peakBytes > target) {
    const now = excess(current, target);
    let best: { scored: Scored; gain: number } | undefined;
    for (const other of neighbours(scorer, current)) {
      const removed = now - excess(other, target);
      if (removed <= 0) continue;
      const gain = removed / Math.max(other.seconds - current.seconds, 1e-9 * current.seconds);
      if (!best || gain > best.gain) best = { scored: other, gain };
      if (exhausted(scorer)) break;
    }
    if (!best || exhausted(scorer)) return undefined;
    current = best.scored;
  }
  return current;
}

/** Take back, one by one, the changes that save most time and still keep the peak at `target`. */
function speedUp(scorer: Scorer, from: Scored, target: number): Scored {
  let current = from;
  for (;;) {
    let best: Scored | undefined;
    for (const other of neighbours(scorer, current)) {
      if (other.peakBytes <= target && other.seconds < (best ?? current).seconds) best = other;
      if (exhausted(scorer)) return best ?? current;
    }
    if (!best) return current;
    current = best;
  }
}

function fastestBelow(scorer: Scorer, target: number): Scored | undefined {
  return pareto(scorer.scored()).find((s) => s.peakBytes <= target);
}

function* neighbours(scorer: Scorer, { choices }: Scored): Generator<Scored> {
  for (let i = 0; i < choices.length; i++) {
    for (const option of optionsOf(scorer, i)) {
      if (option === choices[i]) continue;
      yield scorer.score(choices.map((c, j) => (j === i ? option : c)));
    }
  }
}

function exhausted(scorer: Scorer): boolean {
  return scorer.evaluations > Math.min(MOST_EVALUATIONS, MOST_NODES / scorer.facts.graph.nodes.length);
}
