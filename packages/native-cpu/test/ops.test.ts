/** Every operation against the reference and against golden values, on one, two and three threads. */

import { compile, createReferenceBackend, hostArray, OP_NAMES, type HostArray, type Plan } from '@revoxel/runtime';
import {
  formatFailures,
  forwardGraph,
  gradientGraph,
  loadGolden,
  OP_CASES,
  runOpCases,
  variantsFor,
  variantsOf,
  type CaseVariant,
} from '@revoxel/runtime/testing';
import { describe, expect, it } from 'vitest';
import { createBackend, probe } from '../src/backend.js';
import { cpuProfile } from '../src/profile.js';
import { notBuilt, named } from './built.js';
import { LARGE_CASES } from './large-cases.js';

const PLAIN: CaseVariant = { label: 'f32', floats: 'f32', parameters: true };

/** Not here: convolutions and sums, whose kernels take less than the formulas allow where work is too little to share. */
const EXACT_SCRATCH = [
  'norm',
  'normAct',
  'normApply',
  'normGrad',
  'normActGrad',
  'resize',
  'resizeGrad',
  'resample',
  'resampleGrad',
  'orthogonal',
  'orthogonalGrad',
] as const satisfies readonly (typeof OP_NAMES)[number][];

function zerosFor(plan: Plan): Record<string, HostArray> {
  const zeros = ({ name, value }: Plan['inputs'][number]): [string, HostArray] => {
    const { dtype, shape } = plan.values[value]!;
    return [
      name,
      hostArray(
        dtype,
        shape.reduce((p, n) => p * n, 1),
      ),
    ];
  };
  return Object.fromEntries(plan.inputs.map(zeros));
}

const onednn = probe().facts['oneDNN'] ?? 'not built in';

describe.skipIf(notBuilt || onednn === 'not built in')(named(`convolutions by oneDNN ${onednn}`), () => {
  it('wherever it can, chosen or not', { timeout: 120_000 }, async () => {
    const backend = await createBackend({ threads: 2, onednn: 'always' });
    const cases = [...OP_CASES, ...LARGE_CASES].filter((c) => c.op.startsWith('conv'));
    const forward = cases.flatMap((c) => compile(forwardGraph(c, variantsOf(c)[0]!), backend.profile).calls);
    expect(forward.filter((c) => c.variant === 1).length).toBeGreaterThan(20);
    expect(formatFailures(await runOpCases(backend, { reference: createReferenceBackend(), cases }))).toBe('');
  });

  it('refuses plans that chose it in a session without', async () => {
    const [always, never] = [
      await createBackend({ threads: 1, onednn: 'always' }),
      await createBackend({ threads: 1, onednn: false }),
    ];
    using session = await never.createSession();
    const plan = compile(
      forwardGraph(
        LARGE_CASES.find((c) => c.op === 'conv')!,
        PLAIN,
      ),
      always.profile,
    );
    await expect(session.load(plan)).rejects.toThrow(/compiled for "cpu:1\+onednn/);
  });
});

describe.skipIf(notBuilt)(named('operations'), () => {
  const reference = createReferenceBackend();

  for (const op of OP_NAMES) {
    const cases = OP_CASES.filter((c) => c.op === op);
    // Reverse rules have no cases of their own: they run in the gradients of others (see the test below).
    if (cases.length === 0) continue;
    it(`${op}: ${cases.length} cases of the shared table`, async () => {
      const backend = await createBackend({ threads: 2 });
      expect(formatFailures(await runOpCases(backend, { reference, golden: await loadGolden(), cases }))).toBe('');
    });
  }

  it('of the whole table are run by these cases', () => {
    const profile = cpuProfile(2);
    const seen = new Set<string>();
    for (const c of [...OP_CASES, ...LARGE_CASES]) {
      for (const variant of variantsFor(profile, c)) {
        for (const call of compile(forwardGraph(c, variant), profile).calls) seen.add(call.op);
        if (c.gradient?.length) for (const call of compile(gradientGraph(c, variant), profile).calls) seen.add(call.op);
      }
    }
    expect(OP_NAMES.filter((op) => !seen.has(op))).toEqual([]);
  });

  it('leave out f16 and nothing else', async () => {
    const profile = cpuProfile(2);
    for (const c of [...OP_CASES, ...LARGE_CASES]) {
      const labels = variantsOf(c).map((v) => v.label);
      const own = /f16/.test(c.name.replaceAll('bf16', ''));
      const run = variantsFor(profile, c).map((v) => v.label);
      expect(run).toEqual(own ? [] : labels.filter((label) => label !== 'f16' || c.bf16!.length === 0));
    }
    const graph = forwardGraph(
      OP_CASES.find((c) => c.name === 'cast/f32-f16')!,
      PLAIN,
    );
    expect(() => compile(graph, profile)).toThrow(
      'backend "cpu:2" does not compute in f16 ("cast"); f16 is for GPUs: use bf16 on the cpu backend',
    );
    using session = await (await createBackend({ threads: 1 })).createSession();
    const plan = compile(graph, { ...session.backend.profile, refuses: {} });
    await expect(session.load(plan)).rejects.toThrow(/f16 is for GPUs, use bf16 on the cpu backend/);
  });

  // A plan that gives too little fails in every case above; one that gives too much would only waste memory.
  it('ask for exactly the scratch that plans give', { timeout: 120_000 }, async () => {
    const backend = await createBackend({ threads: 2 });
    const ops = new Set<string>(EXACT_SCRATCH);
    const seen = new Set<string>();
    const asked = new Set<string>();
    for (const c of [...OP_CASES, ...LARGE_CASES]) {
      const graphs = variantsFor(backend.profile, c).flatMap((v) => [
        forwardGraph(c, v),
        ...(c.gradient?.length ? [gradientGraph(c, v)] : []),
      ]);
      for (const plan of graphs.map((graph) => compile(graph, backend.profile))) {
        for (const [at, { op, scratch }] of plan.calls.entries()) {
          const key = `${op} ${scratch.bytes}`;
          if (!ops.has(op) || scratch.bytes === 0 || seen.has(key)) continue;
          seen.add(key);
          using session = await backend.createSession();
          const cut = { offset: scratch.offset, bytes: 0 };
          const calls = plan.calls.map((call, i) => (i === at ? { ...call, scratch: cut } : call));
          const run = await session.load({ ...plan, calls });
          const failure: unknown = await run
            .run(zerosFor(plan), Object.fromEntries(plan.step.map(({ name }) => [name, 1])))
            .catch((error: unknown) => error);
          asked.add(`${op} ${/needs (\d+) bytes of scratch/.exec(String(failure))?.[1]}`);
        }
      }
    }
    expect([...asked].sort()).toEqual([...seen].sort());
    expect(new Set([...seen].map((key) => key.split(' ')[0]))).toEqual(ops);
  });

  // Three threads on any machine: shares are then uneven and some of them empty.
  for (const threads of [1, 3]) {
    it(`the large cases with ${threads} thread(s)`, { timeout: 120_000 }, async () => {
      const backend = await createBackend({ threads });
      expect(formatFailures(await runOpCases(backend, { reference, cases: LARGE_CASES }))).toBe('');
    });
  }
});
