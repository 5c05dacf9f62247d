/** No operation without cases: forward, gradient where there is a rule, golden values. */

import { describe, expect, it } from 'vitest';
import type { OpDefinition } from '../../src/ops/op.js';
import { OP_NAMES, OPS, type OpName } from '../../src/ops/registry.js';
import { OP_CASES } from '../../src/testing/op-cases.js';
import { forwardGraph, gradientGraph } from '../../src/testing/run-case.js';
import { variantsOf } from '../../src/testing/op-case.js';

/** Operations that need no golden values of their own, and why. */
const NO_GOLDEN: Partial<Record<OpName, string>> = {
  packWeights:
    'the packed form is private to a backend: packed and plain convolutions are checked to agree (variants of every conv case)',
  lossScaleUpdate: 'its rule is four lines of arithmetic on scalars: test/ops/loss-scale.test.ts has the numbers',
};

/** Operations that no traced case contains, and why. */
const NO_CASE: Partial<Record<OpName, string>> = {
  packWeights: 'made by lowering only, whenever a case declares its weights as parameters and the backend packs',
};

/** Operations that round: their gradient is that of the unrounded function, which no difference shows. */
const STRAIGHT_THROUGH: readonly OpName[] = ['cast', 'quantize', 'dequantize', 'couple'];

const opsIn = (select: (c: (typeof OP_CASES)[number]) => boolean, gradient: boolean): Set<string> => {
  const found = new Set<string>();
  for (const c of OP_CASES.filter(select)) {
    const variant = variantsOf(c)[0]!;
    for (const node of forwardGraph(c, variant).nodes) found.add(node.op);
    if (gradient && c.gradient?.length) for (const node of gradientGraph(c, variant).nodes) found.add(node.op);
  }
  return found;
};

describe('every operation', () => {
  it('has a case', () => {
    const found = opsIn(() => true, true);
    expect(OP_NAMES.filter((op) => !found.has(op) && !NO_CASE[op])).toEqual([]);
  });

  it('that is differentiable has a gradient case of its own', () => {
    const checked = new Set(
      OP_CASES.filter((c) => c.gradient?.length && (!c.noDifferences || STRAIGHT_THROUGH.includes(c.op))).map(
        (c) => c.op,
      ),
    );
    const differentiable = OP_NAMES.filter((op) => (OPS[op] as OpDefinition).gradient !== undefined && op !== 'fill');
    expect(differentiable.filter((op) => !checked.has(op))).toEqual([]);
  });

  it('has golden values', () => {
    const golden = opsIn((c) => c.golden !== undefined, true);
    expect(OP_NAMES.filter((op) => !golden.has(op) && !NO_GOLDEN[op])).toEqual([]);
  });
});

describe('the table', () => {
  it('names every case once, after its operation', () => {
    const names = OP_CASES.map((c) => c.name);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
    expect(OP_CASES.filter((c) => !c.name.startsWith(`${c.op}/`)).map((c) => c.name)).toEqual([]);
  });

  it('traces the operation it says', () => {
    const wrong = OP_CASES.filter((c) => !forwardGraph(c, variantsOf(c)[0]!).nodes.some((n) => n.op === c.op));
    expect(wrong.map((c) => c.name)).toEqual([]);
  });

  it('has convolutions with parameters and with plain weights', () => {
    const conv = OP_CASES.filter((c) => c.op === 'conv' || c.op === 'convTranspose');
    expect(conv.length).toBeGreaterThan(40);
    for (const c of conv)
      expect(variantsOf(c).map((v) => v.label)).toEqual(['f32', 'f32, parameters as inputs', 'bf16', 'f16']);
  });
});
