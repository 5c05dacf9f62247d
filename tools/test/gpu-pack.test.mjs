/** What tools/gpu/pack writes down: scripts of sessions, and convolutions as plans of their own. */
import { trainingStep } from '@revoxel/models';
import { cudaProfile } from '@revoxel/native-cuda';
import { compile, createReferenceBackend } from '@revoxel/runtime';
import { describe, expect, it } from 'vitest';
import { packCases } from '../gpu/packing/cases.mjs';
import { distinctConvolutions, layerPlan } from '../gpu/packing/layers.mjs';
import { placePlan } from '../gpu/packing/recorder.mjs';
import { Store } from '../gpu/packing/store.mjs';

describe('gpu pack', () => {
  const graph = () =>
    trainingStep({
      model: { kind: 'unet3d', classes: 2, baseChannels: 4, levels: 2 },
      inChannels: 1,
      batch: 1,
      patch: [8, 8, 8],
    });

  it('has a script and expected results for every result of a case', async () => {
    const cases = await packCases(cudaProfile('H100-80G'), new Store(), /^sgdUpdate\//);
    expect(cases.length).toBeGreaterThan(0);
    for (const { script, results } of cases) {
      expect(script.map((step) => step[0])).toEqual(expect.arrayContaining(['ensure', 'load', 'write', 'run', 'read']));
      const reads = script.filter((step) => step[0] === 'read').length;
      const outputs = script.findLast((step) => step[0] === 'run')[5].length;
      expect(results.filter((r) => 'read' in r).map((r) => r.read)).toEqual([...Array(reads).keys()]);
      expect(results.filter((r) => 'output' in r).map((r) => r.output)).toEqual([...Array(outputs).keys()]);
    }
  });

  it('keeps every array once', () => {
    const store = new Store();
    expect(store.add(new Float32Array([1, 2]))).toBe(store.add(new Float32Array([1, 2])));
    expect(store.bytes).toBe(8);
  });

  it('makes plans of single convolutions whose values do not overlap and which run', async () => {
    const backend = createReferenceBackend();
    const { profile } = backend;
    const plan = compile(graph(), profile, { memory: 'keep' });
    const layers = distinctConvolutions(plan);
    expect(layers.reduce((sum, layer) => sum + layer.count, 0)).toBe(
      plan.calls.filter((c) => ['conv', 'convTranspose', 'convWeightGrad'].includes(c.op)).length,
    );
    for (const { call } of layers) {
      const single = layerPlan(plan, call, { repeats: 2, flushBytes: 1024 });
      expect(single.calls.map((c) => c.op)).toEqual(['fill', call.op, 'fill', call.op]);
      for (const segment of ['persistent', 'transient']) {
        const places = single.values.filter((v) => v.segment === segment).sort((a, b) => a.offset - b.offset);
        places.forEach(
          (v, i) => i > 0 && expect(v.offset).toBeGreaterThanOrEqual(places[i - 1].offset + places[i - 1].bytes),
        );
      }
      const session = await backend.createSession();
      await (await session.load(single)).run({});
      session.dispose();
    }
  });

  it('places a plan as a session does, with a twin that only copies', async () => {
    const profile = cudaProfile('H100-80G');
    const plan = compile(graph(), profile, { memory: 'keep' });
    const placed = await placePlan(plan, profile, new Store());
    expect(placed.offsets).toHaveLength(plan.values.length);
    expect(placed.transientBytes).toBe(plan.memory.transientBytes);
    expect(placed.persistentBytes).toBe(plan.memory.persistentBytes);
    expect(placed.transfers).not.toBe(placed.words);
  });
});
