/**
 * Drift of inverted float streams against published measurements (docs/reversible.md#drift), and its absence in
 * fixed-point streams. Not more than three times as far; where bf16 dominates, not less than a third either (this
 * backend sums in fp64, so rows that are all fp32 drift less).
 */

import { describe, expect, it } from 'vitest';
import { createTypescriptBackend } from '../../src/backend/typescript/backend.js';
import { measureDrift } from '../../src/testing/drift.js';

const backend = createTypescriptBackend();

/** stream, precision, then [blocks, error of the state, error of the gradient] as published. */
const TABLE = [
  [
    'f32',
    'f32',
    [
      [4, 4e-7, 5e-7],
      [16, 2e-6, 2e-3],
      [64, 1.6e-5, 1.5e-3],
    ],
  ],
  [
    'f32',
    'bf16',
    [
      [4, 3e-4, 4e-4],
      [16, 0.014, 0.077],
      [64, 0.071, 0.21],
    ],
  ],
  [
    'bf16',
    'bf16',
    [
      [4, 0.013, 0.059],
      [16, 0.084, 0.2],
      [64, 0.62, 0.8],
    ],
  ],
  [
    'q32',
    'bf16',
    [
      [4, 0, 0],
      [16, 0, 0],
      [64, 0, 0],
    ],
  ],
  [
    'q16',
    'bf16',
    [
      [4, 0, 0],
      [16, 0, 0],
      [64, 0, 0],
    ],
  ],
] as const;

const cases = TABLE.flatMap(([stream, precision, rows]) =>
  rows.map(([blocks, state, gradient]) => ({ stream, precision, blocks, state, gradient })),
);

describe('drift of inversion', () => {
  it.each(cases)(
    '$stream stream, $precision inside, $blocks blocks',
    async ({ stream, precision, blocks, state, gradient }) => {
      const drift = await measureDrift(backend, { stream, precision, blocks });
      expect(drift.state).toBeLessThanOrEqual(3 * state);
      expect(drift.gradient).toBeLessThanOrEqual(3 * gradient);
      if (precision === 'bf16') expect(drift.state).toBeGreaterThanOrEqual(state / 3);
      if (stream === 'bf16') expect(drift.gradient).toBeGreaterThanOrEqual(gradient / 3);
    },
  );
});
