/**
 * Every distinct convolution of a network (forward, input gradient, weight gradient) as a plan of its own: the call,
 * many times, each behind a fill that is larger than the second-level cache, so that it finds its operands in device
 * memory. With a session that times every call, one run gives as many cold times.
 */
import { compile } from '@revoxel/runtime';
import { placePlan } from './recorder.mjs';
import { tablesOf } from './networks.mjs';

const CONVOLUTIONS = new Set(['conv', 'convTranspose', 'convWeightGrad']);

/** What two calls must share to be one layer. */
function keyOf(plan, call) {
  const types = (ids) => ids.map((id) => [plan.values[id].dtype, plan.values[id].shape]);
  return JSON.stringify([call.op, call.attrs, call.variant, types(call.inputs), types(call.outputs)]);
}

/** Distinct convolutions of a plan in order of appearance, with how often each occurs. */
export function distinctConvolutions(plan) {
  const found = new Map();
  for (const call of plan.calls) {
    if (!CONVOLUTIONS.has(call.op)) continue;
    const key = keyOf(plan, call);
    const known = found.get(key);
    if (known) known.count++;
    else found.set(key, { call, count: 1 });
  }
  return [...found.values()];
}

function passOf({ op, phase }) {
  if (op === 'conv') return 'forward';
  if (op === 'convWeightGrad') return 'weight gradient';
  return phase === 'forward' ? 'upsampling' : 'input gradient';
}

/** A plan that runs `call` of `plan` `repeats` times. */
export function layerPlan(plan, call, { repeats, flushBytes }) {
  const align = (bytes) => Math.ceil(bytes / plan.alignment) * plan.alignment;
  /** @type {any[]} */
  const values = [];
  /** @type {any[]} */
  const persistent = [];
  /** @type {any[]} */
  const derived = [];
  let [persistentBytes, transientBytes] = [0, 0];
  const add = (value, segment) => {
    const offset = segment === 'persistent' ? persistentBytes : transientBytes;
    if (segment === 'persistent') persistentBytes = align(offset + value.bytes);
    else transientBytes = align(offset + value.bytes);
    const memoryClass = segment === 'persistent' ? 'buffers' : 'activations';
    return values.push({ ...value, segment, offset, memoryClass }) - 1;
  };
  const stored = (id, name) => {
    const index = add({ ...plan.values[id], name }, 'persistent');
    persistent.push({ name, value: index, kind: 'buffer', init: { kind: 'normal', std: 1 } });
    return index;
  };
  const made = (entry, name) => {
    const sources = entry.call.inputs.map((id, i) => stored(id, `${name}.source${i}`));
    const index = add({ ...plan.values[entry.value], name }, 'persistent');
    const sourceNames = sources.map((source) => values[source].name);
    derived.push({
      ...{ name, value: index, sources: sourceNames },
      call: { ...entry.call, inputs: sources, outputs: [index] },
    });
    return index;
  };
  const inputs = call.inputs.map((id, i) => {
    const entry = plan.derived.find((d) => d.value === id);
    return entry ? made(entry, `operand${i}`) : stored(id, `operand${i}`);
  });
  const outputs = call.outputs.map((id, i) => add({ ...plan.values[id], name: `result${i}` }, 'transient'));
  const flushed = { name: 'flush', dtype: 'f32', shape: [flushBytes / 4], bytes: flushBytes };
  const flush = add(flushed, 'transient');
  const scratchAt = transientBytes;
  const scratchBytes = Math.max(call.scratch.bytes, ...derived.map((d) => d.call.scratch.bytes));
  transientBytes = align(transientBytes + scratchBytes);
  const placed = (c) => ({ ...c, scratch: { offset: scratchAt, bytes: c.scratch.bytes } });
  const fill = {
    op: 'fill',
    attrs: { shape: flushed.shape, value: 1, dtype: 'f32' },
    ...{ name: 'flush', phase: 'forward', inputs: [], outputs: [flush], variant: 0 },
    ...{ scratch: { offset: scratchAt, bytes: 0 }, flops: 0, bytes: flushBytes },
  };
  const once = placed({ ...call, inputs, outputs });
  return {
    ...{ version: plan.version, name: call.name, profile: plan.profile, alignment: plan.alignment },
    ...{ values, calls: Array.from({ length: repeats }, () => [fill, once]).flat() },
    ...{ inputs: [], outputs: [], step: [], persistent, writes: [], stepBytes: 0, returnBytes: 0 },
    derived: derived.map((d) => ({ ...d, call: placed(d.call) })),
    memory: { ...plan.memory, persistentBytes, transientBytes, peakBytes: persistentBytes + transientBytes },
    ...{ flops: call.flops * repeats, bytesMoved: call.bytes * repeats },
  };
}

/** Shapes by which a framework computes the same. */
function problemOf(plan, call) {
  const shape = (id) => plan.values[id].shape;
  const { attrs: a } = call;
  const last = call.op === 'convWeightGrad' ? a.pieces : 0;
  if (call.op === 'convTranspose') {
    const dy = shape(call.inputs[0]);
    const dx = shape(call.outputs[0]);
    return { x: dx, w: [dy[1], a.channelCount / a.groups, ...a.kernel], y: dy, ...strides(a) };
  }
  const pieces = call.inputs.slice(0, a.pieces).map(shape);
  const channels = pieces.reduce((sum, s) => sum + s[1], 0);
  const x = [pieces[0][0], channels, ...pieces[0].slice(2)];
  const y = call.op === 'conv' ? shape(call.outputs[0]) : shape(call.inputs[last]);
  return { x, w: [y[1], channels / a.groups, ...a.kernel], y, ...strides(a) };
}

function strides({ stride, padBefore, dilation, groups }) {
  return { stride, padding: padBefore, dilation, groups };
}

/** All layers of a network as plans; `repeats` and `flushBytes` as in `layerPlan`. */
export async function packLayers(graph, profile, store, options) {
  const plan = compile(graph, profile, { memory: 'keep' });
  const layers = [];
  for (const { call, count } of distinctConvolutions(plan)) {
    const single = layerPlan(plan, call, options);
    const { offsets, transfers: _transfers, ...placed } = await placePlan(single, profile, store);
    layers.push({
      ...{ name: call.name, pass: passOf(call), op: call.op, variant: call.variant, count },
      ...{ problem: problemOf(plan, call), flops: call.flops, bytes: call.bytes, repeats: options.repeats },
      ...placed,
      ...tablesOf(single, offsets),
    });
  }
  // What a step spends most work on comes first: the stage may be cut off.
  return layers.sort((a, b) => b.count * b.flops - a.count * a.flops);
}
