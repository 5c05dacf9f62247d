import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backend/reference/backend.js';
import { compile } from '../../src/compile.js';
import { BENCH_CASES, measureCase } from '../../src/testing/bench-cases.js';
import { forwardGraph, gradientGraph } from '../../src/testing/run-case.js';
import type { OpCase } from '../../src/testing/op-case.js';
import { relu } from '../../src/ops/unary.js';

const variant = { label: 'f32', floats: 'f32' as const, parameters: true };

describe('benchmark cases', () => {
  it.each(BENCH_CASES.map((c) => [c.name, c] as const))('%s can be planned, with work to count', (_name, c) => {
    const { profile } = createReferenceBackend();
    expect(compile(forwardGraph(c, variant), profile).bytesMoved).toBeGreaterThan(1e5);
    expect(compile(gradientGraph(c, variant), profile).flops).toBeGreaterThan(1e5);
  });

  it('are timed without copies from the host', async () => {
    const small: OpCase = {
      op: 'unary',
      name: 'unary/small',
      inputs: { x: { shape: [1, 4, 8, 8] } },
      build: (_g, t) => ({ y: relu(t['x']!) }),
      gradient: ['x'],
    };
    using session = await createReferenceBackend().createSession();
    for (const pass of ['forward', 'forward and backward'] as const) {
      const m = await measureCase(session, small, pass, 0.01);
      expect(m).toMatchObject({ name: 'unary/small', pass });
      expect(m.runs).toBeGreaterThanOrEqual(3);
      expect(m.gigabytesPerSecond).toBeGreaterThan(0);
    }
  });
});
