/** Properties of plans of random networks: nobody's bytes are overwritten, and sharing memory never changes a result. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HostArray } from '../../src/graph/dtype.js';
import { elementCount } from '../../src/graph/shape.js';
import { compile } from '../../src/compile.js';
import { createReferenceBackend, referenceProfile } from '../../src/backend/reference/backend.js';
import { typescriptProfile } from '../../src/backend/typescript/profile.js';
import { planFromJson, planToJson } from '../../src/plan/encode-json.js';
import { printPlan } from '../../src/plan/print.js';
import type { Plan } from '../../src/plan/plan.js';
import { OP_CASES } from '../../src/testing/op-cases.js';
import { forwardGraph, gradientGraph } from '../../src/testing/run-case.js';
import { testNumbers } from '../../src/testing/test-data.js';
import { planFaults } from '../support/plan-faults.js';
import { randomNetwork, SHAPE, traceNetwork, type RandomNetwork } from '../support/random-graph.js';

const PROFILES = [referenceProfile, typescriptProfile(2)];
/** An elementwise operation on a result of the graph is the last one. */
const LAST_READS_RESULT: RandomNetwork = {
  steps: [
    { maker: 0, a: 0, b: 0 },
    { maker: 6, a: 2, b: 1 },
  ],
  outputs: [2, 3],
  train: false,
};
const RUNS = { numRuns: 150, seed: 11, examples: [[LAST_READS_RESULT]] satisfies [RandomNetwork][] };

describe('a plan of any network', () => {
  it('never overwrites bytes that are still needed', () => {
    fc.assert(
      fc.property(randomNetwork, (network) => {
        const graph = traceNetwork(network);
        for (const profile of PROFILES)
          for (const reuse of [true, false]) expect(planFaults(compile(graph, profile, { reuse }))).toEqual([]);
      }),
      RUNS,
    );
  });

  it('knows its memory', () => {
    fc.assert(
      fc.property(randomNetwork, (network) => {
        const graph = traceNetwork(network);
        for (const profile of PROFILES) {
          const { memory } = compile(graph, profile);
          expect(memory.peakBytes).toBe(memory.persistentBytes + memory.transientBytes);
          expect(memory.lowerBoundBytes).toBeLessThanOrEqual(memory.transientBytes);
          expect(Object.values(memory.byClass).reduce((a, b) => a + b, 0)).toBe(
            memory.lowerBoundBytes + memory.persistentBytes,
          );
          expect(memory.transientBytes).toBeLessThanOrEqual(
            compile(graph, profile, { reuse: false }).memory.transientBytes,
          );
        }
      }),
      RUNS,
    );
  });

  it('survives the way to JSON and back', () => {
    fc.assert(
      fc.property(randomNetwork, (network) => {
        const plan = compile(traceNetwork(network), referenceProfile);
        expect(planFromJson(planToJson(plan))).toEqual(plan);
      }),
      { ...RUNS, numRuns: 40 },
    );
  });

  it('gives the same bits with and without shared memory', async () => {
    await fc.assert(
      fc.asyncProperty(randomNetwork, async (network) => {
        expect(await run(network, true)).toEqual(await run(network, false));
      }),
      { ...RUNS, numRuns: 60 },
    );
  });
});

describe('a plan of every case of the table', () => {
  it('never overwrites bytes that are still needed', () => {
    const variant = { label: 'f32', floats: 'f32' as const, parameters: true };
    const faults: string[] = [];
    for (const c of OP_CASES) {
      const graphs = [forwardGraph(c, variant), ...(c.gradient?.length ? [gradientGraph(c, variant)] : [])];
      for (const graph of graphs)
        for (const profile of PROFILES)
          faults.push(
            ...planFaults(compile(graph, profile)).map((fault) => `${graph.name} for ${profile.name}: ${fault}`),
          );
    }
    expect(faults).toEqual([]);
  });
});

describe('the judge itself', () => {
  const network: RandomNetwork = {
    steps: [
      { maker: 0, a: 0, b: 0 },
      { maker: 2, a: 2, b: 1 },
    ],
    outputs: [2, 3],
    train: false,
  };
  const plan = compile(traceNetwork(network), referenceProfile);
  const moved = (name: string, offset: number): Plan => ({
    ...plan,
    values: plan.values.map((v) => (v.name === name ? { ...v, offset } : v)),
  });

  it('finds values that overlap', () => {
    expect(planFaults(plan)).toEqual([]);
    const at = (name: string): number => plan.values.find((v) => v.name === name)!.offset;
    expect(planFaults(moved('binary', at('unary')))).not.toEqual([]);
    expect(planFaults(moved('unary', at('x1') + 64))).not.toEqual([]);
    expect(planFaults(moved('unary', 10 ** 6))).not.toEqual([]);
  });
});

describe('a printed plan', () => {
  it('shows calls, places and memory', () => {
    const plan = compile(
      traceNetwork({
        steps: [
          { maker: 14, a: 0, b: 0 },
          { maker: 1, a: 2, b: 0 },
          { maker: 2, a: 3, b: 1 },
        ],
        outputs: [4],
        train: true,
      }),
      referenceProfile,
    );
    expect(printPlan(plan)).toMatchSnapshot();
  });
});

/** Results of two steps and the persistent values after them. */
async function run(network: RandomNetwork, reuse: boolean): Promise<Record<string, HostArray>> {
  using session = await createReferenceBackend().createSession({ seed: 5 });
  const executable = await session.load(compile(traceNetwork(network), referenceProfile, { reuse }));
  const input = (name: string): Float32Array =>
    Float32Array.from(testNumbers(name, elementCount(SHAPE), { kind: 'uniform', low: -1, high: 1 }));
  const inputs = Object.fromEntries(executable.plan.inputs.map(({ name }) => [name, input(name)]));
  const fields = { lr: 0.05, seed: 3 };
  await executable.run(inputs, { ...fields, step: 0 });
  const results = await executable.run(inputs, { ...fields, step: 1 });
  for (const name of session.names()) results[`state ${name}`] = await session.read(name);
  return results;
}
