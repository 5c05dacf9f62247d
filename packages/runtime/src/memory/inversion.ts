/**
 * `invert`: every unit that can be inverted is. Of the others (transitions, say), those are computed again whose
 * computation is next to nothing; the rest is kept.
 */

import type { Scored, Scorer } from './score.js';

/** Share of the step's time that computing one unit again may cost here. */
const SHARE = 0.02;

export function inverted(scorer: Scorer): Scored {
  const keep = scorer.score(scorer.all('keep'));
  let best = scorer.score(scorer.all('invert', 'keep'));
  const total = (s: Scored): number => s.live.reduce((sum, b) => sum + b, 0);
  scorer.units.list.forEach((unit, i) => {
    if (unit.invertible) return;
    const other = scorer.score(best.choices.map((c, j) => (j === i ? 'recompute' : c)));
    const cheaper = other.seconds - best.seconds <= SHARE * keep.seconds;
    if (cheaper && other.peakBytes <= best.peakBytes && total(other) < total(best)) best = other;
  });
  return best;
}
