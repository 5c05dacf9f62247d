/** The networks that are timed, and small ones that are compared with the reference. */
import { inferenceStep, trainingStep } from '@revoxel/models';
import { compile } from '@revoxel/runtime';
import { testArray } from '@revoxel/runtime/testing';
import { placePlan } from './recorder.mjs';

const MEMORIES = ['keep', 'recompute', 'invert'];

/** Sizes on a device, and for the emulator, which takes a thousand times longer. */
const SIZES = {
  device: {
    unet: { patch: [128, 128, 128], config: { baseChannels: 32, levels: 6 } },
    reversible: { patch: [160, 192, 160], config: { baseChannels: 60, levels: 5 } },
    blocks: [1, 4],
  },
  emulated: {
    unet: { patch: [8, 8, 8], config: { baseChannels: 4, levels: 3 } },
    reversible: { patch: [8, 8, 8], config: { baseChannels: 4, levels: 2 } },
    blocks: [1, 2],
  },
};

/**
 * Every plan that is timed: network, what is done and how memory is chosen. `peer` is what peers.py builds of the same.
 *
 * @param {'device' | 'emulated'} scale
 */
export function timedNetworks(scale) {
  const { unet, reversible, blocks } = SIZES[scale];
  const plain = { kind: 'unet3d', classes: 4, precision: 'bf16', ...unet.config };
  const list = [];
  for (const batch of [1, 2]) {
    for (const task of ['training', 'inference']) {
      const id = `unet3d-${unet.config.baseChannels} batch ${batch} ${task}`;
      list.push({ id, task, memory: 'keep', program: { model: plain, inChannels: 1, batch, patch: unet.patch } });
    }
  }
  for (const count of blocks) {
    const model = {
      kind: 'partially-reversible-unet3d',
      classes: 4,
      blocks: count,
      stream: 'q16',
      precision: 'bf16',
      ...reversible.config,
    };
    const program = { model, inChannels: 4, batch: 1, patch: reversible.patch };
    for (const memory of MEMORIES) {
      list.push({ id: `reversible-${count} ${memory} training`, task: 'training', memory, program });
    }
  }
  return list;
}

/** The graph of an entry. */
export function graphOf({ task, program }) {
  return task === 'training' ? trainingStep(program) : inferenceStep(program);
}

/** Call table of a plan, for profiles: what ran, on which shapes, and how much work it is. */
function callsOf(plan) {
  const shape = (id) => `${plan.values[id].dtype}[${plan.values[id].shape.join(',')}]`;
  return plan.calls.map((call) => ({
    op: call.op,
    name: call.name,
    phase: call.phase,
    variant: call.variant,
    inputs: call.inputs.map(shape).join(' '),
    outputs: call.outputs.map(shape).join(' '),
    flops: call.flops,
    bytes: call.bytes,
  }));
}

/** What a script needs to give a plan its persistent values and inputs, in the plan's own order. */
export function tablesOf(plan, offsets) {
  const value = (id) => ({ dtype: plan.values[id].dtype, shape: plan.values[id].shape, bytes: plan.values[id].bytes });
  return {
    persistent: plan.persistent.map(({ name, value: id, kind, init }) => ({
      ...{ name, kind, init, offset: offsets[id] },
      ...value(id),
    })),
    derived: plan.derived.length,
    inputs: plan.inputs.map(({ name, value: id }) => ({ name, ...value(id) })),
    outputs: plan.outputs.map(({ name, value: id }) => ({ name, ...value(id) })),
    step: plan.step.map(({ name, value: id }) => ({ name, ...value(id), offset: plan.values[id].offset })),
    stepBytes: plan.stepBytes,
  };
}

/** An entry's plan with everything that running and judging it takes. */
export async function packTimed(entry, profile, store) {
  const plan = compile(graphOf(entry), profile, { memory: entry.memory });
  const { offsets, ...placed } = await placePlan(plan, profile, store);
  return {
    ...entry,
    ...placed,
    ...tablesOf(plan, offsets),
    planned: { ...plan.memory.byClass, persistent: plan.memory.persistentBytes, transient: plan.memory.transientBytes },
    flops: plan.flops,
    bytesMoved: plan.bytesMoved,
    calls: callsOf(plan),
  };
}

/** Small networks whose two first steps are compared with the reference, under every memory choice. */
export function comparedNetworks() {
  const plain = { kind: 'unet3d', classes: 3, baseChannels: 4, levels: 3 };
  const reversible = { kind: 'partially-reversible-unet3d', classes: 3, baseChannels: 4, levels: 2, blocks: 2 };
  const of = (name, model, memory, batch) => {
    const program = { model, inChannels: 2, batch, patch: [8, 8, 8] };
    const shape = (channels) => [batch, channels, 8, 8, 8];
    return {
      name: `${name} ${memory}`,
      memory,
      graph: trainingStep(program),
      inputs: {
        image: testArray('gpu/image', shape(2), 'f32', { kind: 'uniform', low: -2, high: 2 }),
        labels: testArray('gpu/labels', shape(1), 'u8', { kind: 'labels', classes: 3 }),
      },
      steps: [{ lr: 0.01 }, { lr: 0.01 }],
    };
  };
  return [
    of('unet3d f32', { ...plain, precision: 'f32' }, 'keep', 2),
    of('unet3d bf16', { ...plain, precision: 'bf16' }, 'keep', 1),
    ...MEMORIES.map((memory) => of('reversible q16 f32', { ...reversible, stream: 'q16' }, memory, 1)),
    ...MEMORIES.map((memory) =>
      of('reversible q32 bf16', { ...reversible, stream: 'q32', precision: 'bf16' }, memory, 1),
    ),
  ];
}

/** How far losses and norms of those may be from the reference: bf16 networks round every activation. */
export function networkTolerance(name) {
  return name.includes('bf16') ? { rtol: 5e-2, atol: 1e-2 } : { rtol: 2e-3, atol: 1e-4 };
}
