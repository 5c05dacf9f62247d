/** The rule of `lossScaleUpdate` in numbers, and steps that it skips, on the reference backend. */

import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backend/reference/backend.js';
import { compile } from '../../src/compile.js';
import { trace } from '../../src/graph/builder.js';
import { fill } from '../../src/ops/fill.js';
import { lossScaleUpdate } from '../../src/ops/loss-scale-update.js';
import { sgdUpdate } from '../../src/ops/sgd-update.js';

async function steps(scale: number, squares: readonly number[], interval: number, limit = 0) {
  const backend = createReferenceBackend();
  using session = await backend.createSession();
  const graph = trace('scaling', (g) => {
    const w = g.parameter('w', [2], { kind: 'constant', value: 1 });
    const m = g.state('m', [2], { kind: 'constant', value: 0.5 }, 'optimizer');
    const state = g.state('scale', [], { kind: 'constant', value: scale });
    const streak = g.state('streak', [], { kind: 'constant', value: 0 });
    const { norm, factor } = lossScaleUpdate(state, streak, g.input('squares', []), { interval, limit });
    sgdUpdate(w, fill(g, [2], 8), m, g.step('lr'), factor, { momentum: 0.9, weightDecay: 0.1, nesterov: true });
    g.output('norm', norm);
    g.output('factor', factor);
  });
  const run = await session.load(compile(graph, backend.profile));
  const rows: number[][] = [];
  for (const s of squares) {
    const { norm, factor } = await run.run({ squares: Float32Array.of(s) }, { lr: 0.1 });
    const [now, streak, w] = [await session.read('scale'), await session.read('streak'), await session.read('w')];
    rows.push([norm![0]!, factor![0]!, now[0]!, streak[0]!, w[0]!]);
  }
  return rows;
}

describe('lossScaleUpdate', () => {
  it('unscales, clips, and doubles the scale after a row of good steps', async () => {
    const rows = await steps(4, [256, 256, 256], 2, 2);
    expect(rows.map((r) => r.slice(0, 4))).toEqual([
      [4, expect.closeTo(0.125, 6), 4, 1],
      [4, expect.closeTo(0.125, 6), 8, 0],
      [2, expect.closeTo(0.125, 6), 8, 1],
    ]);
  });

  it('skips a step that overflowed and halves the scale, down to 1', async () => {
    const rows = await steps(4, [Infinity, NaN, 16], 2);
    expect(rows.map((r) => r.slice(0, 4))).toEqual([
      [0, -1, 2, 0],
      [0, -1, 1, 0],
      [4, 1, 1, 1],
    ]);
    expect([rows[0]![4], rows[1]![4]]).toEqual([1, 1]);
    expect(rows[2]![4]).not.toBe(1);
  });

  it('says so when gradients are not finite without any scale', async () => {
    const [row] = await steps(1, [NaN], 2);
    expect(row).toEqual([NaN, -1, 1, 0, 1]);
  });
});
