/**
 * `recompute`: units in program order are cut into segments of about equal length, and only what crosses their borders is
 * kept. One segment more costs its border, one unit more in a segment costs what it computes: about sqrt(N) of N units is
 * best for a chain; for a U-Net, whose units differ in size, the lengths around it are tried.
 * @see Chen et al. 2016 (arXiv 1604.06174)
 */

import type { UnitChoice } from './options.js';
import type { Scored, Scorer } from './score.js';

/** Choices for segments of `length` units; the segment next to the loss is kept, it would be needed at once. */
export function segmented(units: number, length: number): UnitChoice[] {
  const last = Math.floor((units - 1) / length) * length;
  return Array.from({ length: units }, (_, i) => (i >= last ? 'keep' : i % length === 0 ? 'recompute' : 'join'));
}

/** The leanest cut into segments of one length; among equals the fastest. */
export function bestSegments(scorer: Scorer): Scored {
  const units = scorer.units.list.length;
  const root = Math.sqrt(units);
  const lengths = new Set([1, 2, 3, Math.floor(root), Math.ceil(root), Math.ceil(root * 1.5)].filter((l) => l >= 1));
  const tried = [...lengths].map((length) => scorer.score(segmented(units, length)));
  return leanest(tried);
}

/** The one with the lowest peak; among equals the fastest. */
export function leanest(list: readonly Scored[]): Scored {
  return list.reduce((best, s) =>
    s.peakBytes < best.peakBytes || (s.peakBytes === best.peakBytes && s.seconds < best.seconds) ? s : best,
  );
}
