/** The shared table of operation cases, and small networks, as scripts with the results that the reference gives. */
import { createReferenceBackend, compile, fromBf16, fromF16 } from '@revoxel/runtime';
import { gradientGraph, forwardGraph, LoadedCase, OP_CASES, toleranceOf, variantsOf } from '@revoxel/runtime/testing';
import { createRecorder } from './recorder.mjs';

/** Bytes that tell how large a script's plan is, to choose small ones by. */
function sizeOf(script) {
  return script.reduce((sum, step) => (step[0] === 'ensure' ? sum + step[1] + step[2] : sum), 0);
}

async function runCase(target, c, variant, graph) {
  const loaded = await LoadedCase.load(target, c, variant, graph);
  const values = await loaded.run();
  loaded.dispose();
  return values;
}

/** One case in one variant: its script and what every result must be. */
async function packCase(c, variant, what, profile, store, reference) {
  const graph = what === 'forward' ? forwardGraph(c, variant) : gradientGraph(c, variant);
  const expected = await runCase(reference, c, variant, graph);
  const recorder = createRecorder(profile, store);
  const recorded = await runCase(recorder, c, variant, graph);
  const [{ script }] = recorder.sessions;
  const plan = compile(graph, profile);
  const reads = script.filter((step) => step[0] === 'read').length;
  const names = [...recorded.keys()];
  const results = names.map((name, i) => {
    const value = expected.get(name);
    if (!value) throw new Error(`${c.name}: the reference has no result ${name}`);
    const { data, dtype, shape } = value;
    const place = i < names.length - reads ? { output: i } : { read: i - (names.length - reads) };
    const { rtol, atol } = toleranceOf(c, dtype, what);
    return { name, ...place, dtype, shape, rtol, atol, expected: store.add(data) };
  });
  return {
    name: `${c.name} (${variant.label}) ${what}`,
    op: c.op,
    ops: [...new Set([...plan.calls, ...plan.derived.map((d) => d.call)].map((call) => call.op))],
    bytes: sizeOf(script),
    nan: c.nan === true,
    script,
    results,
  };
}

/** @returns one entry for every case, variant and pass; `only` is a pattern for names, to pack a few. */
export async function packCases(profile, store, only) {
  const reference = await createReferenceBackend().createSession();
  const packed = [];
  for (const c of OP_CASES) {
    if (only && !only.test(c.name)) continue;
    for (const variant of variantsOf(c)) {
      packed.push(await packCase(c, variant, 'forward', profile, store, reference));
      if (c.gradient?.length) packed.push(await packCase(c, variant, 'gradient', profile, store, reference));
    }
  }
  reference.dispose();
  return packed;
}

/**
 * Two steps of a small network: outputs of both, persistent values after them.
 *
 * @param net - { name, graph, memory, inputs, step }
 * @param tolerance - of every result against the reference, by name.
 */
export async function packNetwork({ name, graph, memory, inputs, steps }, profile, store, tolerance) {
  const run = async (backend) => {
    const session = await backend.createSession({ seed: 3 });
    const plan = compile(graph, backend.profile, { memory });
    const executable = await session.load(plan);
    const results = [];
    for (const step of steps) results.push(await executable.run(inputs, step));
    return { plan, results, session };
  };
  const { results: expected, session } = await run(createReferenceBackend());
  session.dispose();
  const { plan, session: recorded } = await run(createRecorder(profile, store));
  const results = expected.flatMap((values, run) =>
    plan.outputs.map((o, output) => {
      const { dtype, shape } = plan.values[o.value];
      const decode = { bf16: fromBf16, f16: fromF16 }[dtype];
      const data = decode ? Float32Array.from(values[o.name], (bits) => decode(bits)) : values[o.name];
      return { name: `step ${run}: ${o.name}`, run, output, dtype, shape, ...tolerance, expected: store.add(data) };
    }),
  );
  return {
    name,
    op: 'network',
    ops: [...new Set(plan.calls.map((call) => call.op))],
    bytes: sizeOf(recorded.script),
    nan: false,
    script: recorded.script,
    results,
  };
}
