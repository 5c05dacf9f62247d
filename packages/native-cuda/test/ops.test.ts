/** Every operation against the reference and against golden values, on the emulated device under four schedules. */

import { compile, createReferenceBackend, OP_NAMES, type Plan } from '@revoxel/runtime';
import {
  formatFailures,
  forwardGraph,
  gradientGraph,
  loadGolden,
  OP_CASES,
  runOpCases,
  variantsOf,
} from '@revoxel/runtime/testing';
import { describe, expect, it } from 'vitest';
import { loadAddon } from '../src/addon.js';
import { createBackend } from '../src/backend.js';
import { notBuilt, named } from './built.js';

const ORDERS = ['round-robin', 'ascending', 'descending', 'random'] as const;

describe.skipIf(notBuilt)(named('operations'), () => {
  const reference = createReferenceBackend();

  for (const op of OP_NAMES) {
    const cases = OP_CASES.filter((c) => c.op === op);
    // Reverse rules have no cases of their own: they run in the gradients of others (see the test below).
    if (cases.length === 0) continue;
    for (const order of ORDERS) {
      it(`${op}: ${cases.length} cases of the shared table, ${order}`, { timeout: 120_000 }, async () => {
        loadAddon('emulated').emulate!({ order, seed: 7 });
        const backend = await createBackend({ emulated: true });
        expect(formatFailures(await runOpCases(backend, { reference, golden: await loadGolden(), cases }))).toBe('');
      });
    }
  }

  it('of the whole table are run by these cases', async () => {
    const { profile } = await createBackend({ emulated: true });
    const seen = new Set<string>();
    const add = (plan: Plan): void => {
      for (const call of [...plan.calls, ...plan.derived.map((d) => d.call)]) seen.add(call.op);
    };
    for (const c of OP_CASES) {
      for (const variant of variantsOf(c)) {
        add(compile(forwardGraph(c, variant), profile));
        if (c.gradient?.length) add(compile(gradientGraph(c, variant), profile));
      }
    }
    expect(OP_NAMES.filter((op) => !seen.has(op))).toEqual([]);
  });
});
