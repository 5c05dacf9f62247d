/**
 * Inverse rules: what `recover` makes of the results and operands it names is the operand, to the bit where it says
 * exact. In a network the exponent of a grid is state; here it is an input like the others.
 */

import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backend/reference/backend.js';
import { compile } from '../../src/compile.js';
import { trace } from '../../src/graph/builder.js';
import type { HostArray } from '../../src/graph/dtype.js';
import type { OpDefinition } from '../../src/ops/op.js';
import { OP_NAMES, OPS } from '../../src/ops/registry.js';
import { compareArrays } from '../../src/testing/compare.js';
import type { OpCase } from '../../src/testing/op-case.js';
import { OP_CASES } from '../../src/testing/op-cases.js';
import { testArray } from '../../src/testing/test-data.js';

const backend = createReferenceBackend();
const withRule = OP_NAMES.filter((op) => (OPS[op] as OpDefinition).recover);
const cases = OP_CASES.filter(
  (c) => withRule.includes(c.op) && !c.nan && Object.values(c.inputs).every((s) => (s.role ?? 'input') === 'input'),
);

/** Recovers every operand of the case's operation that has a rule; the number of operands checked. */
async function check(c: OpCase): Promise<number> {
  const exact = new Map<string, boolean>();
  const graph = trace(c.name, (g) => {
    const tensors = Object.fromEntries(
      Object.entries(c.inputs).map(([name, s]) => [name, g.input(name, s.shape, s.dtype ?? 'f32')]),
    );
    c.build(g, tensors);
    const node = g.nodeList().find((n) => n.op === c.op)!;
    const op: OpDefinition = OPS[c.op];
    const inputs = node.inputs.map((v) => g.tensor(v));
    inputs.forEach((original, i) => {
      const rule = op.recover!(
        i,
        node.attrs as never,
        inputs.map((t) => t.type),
      );
      if (!rule) return;
      exact.set(`${i}`, rule.exact);
      // It is given what it says it reads, and nothing else.
      const { outputs = [0], inputs: read = [...inputs.keys()] } = rule;
      const others = inputs.map((t, j) => (j !== i && read.includes(j) ? t : null));
      g.output(`${i}:original`, original);
      g.output(
        `${i}:recovered`,
        rule.emit(
          node.outputs.map((v, j) => (outputs.includes(j) ? g.tensor(v) : null)),
          others,
        ),
      );
    });
  });
  if (exact.size === 0) return 0;
  using session = await backend.createSession();
  const executable = await session.load(compile(graph, backend.profile, { reuse: false }));
  const given: Record<string, HostArray> = {};
  for (const [name, s] of Object.entries(c.inputs))
    given[name] = testArray(
      `${c.name}/${name}`,
      s.shape,
      s.dtype ?? 'f32',
      s.values ?? { kind: 'uniform', low: -1, high: 1 },
    );
  const results = await executable.run(given);
  for (const [i, isExact] of exact) {
    const [recovered, original] = [results[`${i}:recovered`]!, results[`${i}:original`]!];
    // An inexact rule rounds the result, then the recovered operand: relative to the largest of both.
    const tolerance = isExact ? { rtol: 0, atol: 0 } : { rtol: 2 ** -20, atol: 2 ** -20 };
    expect(compareArrays(recovered, original, tolerance)?.message, `${c.name}, operand ${i}`).toBeUndefined();
  }
  return exact.size;
}

describe('recover gives the operand back', () => {
  it.each(withRule)('%s', async (op) => {
    let checked = 0;
    for (const c of cases) if (c.op === op) checked += await check(c);
    expect(checked).toBeGreaterThan(0);
  });
});
