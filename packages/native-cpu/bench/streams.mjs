#!/usr/bin/env node
/**
 * Speed of the operations of exact streams against that of copying memory, on one large tensor: prints a Markdown table.
 * Bytes are those of operands and results, each counted once. Times are the best of several runs of each kernel alone,
 * as the session's timings give them. The addon and both packages must be built.
 *
 *   node packages/native-cpu/bench/streams.mjs [threads] [runs] [filter]
 */
import { argv } from 'node:process';
import { compile, dequantize, quantize, resample, slice, split, squeeze, trace, unsqueeze, ZEROS } from '@revoxel/runtime';
import { createBackend } from '../dist/index.js';

const SHAPE = [1, 30, 96, 96, 96];
const ELEMENTS = SHAPE.reduce((p, s) => p * s, 1);
const [threads, runs, filter] = [Number(argv[2] ?? 2), Number(argv[3] ?? 8), argv[4] ?? ''];
const BYTES = { f32: 4, bf16: 2, q16: 2, q32: 4 };

/** Nodes of any operation; the builder's `emit` is internal. */
const emit = (g, op, inputs, attrs) => g.emit(op, inputs, attrs);
const fill = (g, shape, value) => emit(g, 'fill', [], { shape, value, dtype: 'f32' })[0];
const exponent = (g, dtype) => fill(g, [1], dtype === 'q32' ? 20 : 9);
const as = (x, dtype) => (x.dtype === dtype ? x : emit(x.graph, 'cast', [x], { to: dtype })[0]);
const stream = (g, x, dtype) => quantize(x, exponent(g, dtype), dtype);

/** A benchmark: the op whose calls are timed, bytes it must move at least, and the graph's last part. */
const list = [];
const bench = (name, op, bytesPerElement, build) => list.push({ name, op, bytesPerElement, build });

bench('copy (assign) f32', 'assign', 8, (g, x) => {
  const state = g.state('copy', SHAPE, ZEROS, 'optimizer');
  emit(g, 'assign', [state, x], {});
});
for (const f of ['f32', 'bf16']) {
  for (const k of ['q16', 'q32']) {
    bench(`quantize ${f} to ${k}`, 'quantize', BYTES[f] + BYTES[k], (g, x) => emit(g, 'quantize', [as(x, f), exponent(g, k)], { to: k })[0]);
    for (const checksum of ['none', 'input'])
      bench(`couple ${k} += ${f}${checksum === 'none' ? '' : ', checksum'}`, 'couple', 2 * BYTES[k] + BYTES[f], (g, x) =>
        emit(g, 'couple', [stream(g, x, k), as(x, f), exponent(g, k)], { direction: 'add', checksum })[0]);
  }
  bench(`couple q16 -= ${f}`, 'couple', 4 + BYTES[f], (g, x) => emit(g, 'couple', [stream(g, x, 'q16'), as(x, f), exponent(g, 'q16')], { direction: 'sub', checksum: 'none' })[0]);
  bench(`dequantize q16 to ${f}`, 'dequantize', 2 + BYTES[f], (g, x) => dequantize(stream(g, x, 'q16'), exponent(g, 'q16'), f));
  bench(`coupleGrad from ${f}`, 'coupleGrad', 3 * BYTES[f], (g, x) => emit(g, 'coupleGrad', [as(x, f), as(emit(g, 'scale', [x], { factor: 2, offset: 0 })[0], f), exponent(g, 'q16')], { to: 'q16', from: 'f' })[0]);
  bench(`coupleGrad from states q16, dy ${f}`, 'coupleGrad', 4 + 2 * BYTES[f], (g, x) => {
    const k = stream(g, x, 'q16');
    return emit(g, 'coupleGrad', [k, emit(g, 'binary', [k, k], { kind: 'add' })[0], as(x, f)], { to: 'q16', from: 'states' })[0];
  });
}
const c = SHAPE[1];
const affine = (g) => [fill(g, [c], 1), fill(g, [c], 0)];
for (const [x, y] of [['f32', 'f32'], ['bf16', 'bf16'], ['q16', 'f32'], ['q16', 'bf16'], ['q32', 'f32']]) {
  const fixed = x.startsWith('q');
  const operand = (g, input) => (fixed ? stream(g, input, x) : as(input, x));
  const grid = (g) => (fixed ? [exponent(g, x)] : []);
  const attrs = { mode: 'group', groups: c, slope: 0.01 };
  const to = fixed ? y : 'same';
  bench(`normApply ${x} to ${y}`, 'normApply', BYTES[x] + BYTES[y], (g, input) =>
    emit(g, 'normApply', [operand(g, input), ...affine(g), fill(g, [1, c], 0), fill(g, [1, c], 1), ...grid(g)], { ...attrs, to })[0]);
  bench(`normAct ${x} to ${y}`, 'normAct', 2 * BYTES[x] + BYTES[y], (g, input) => emit(g, 'normAct', [operand(g, input), ...affine(g), ...grid(g)], { ...attrs, eps: 1e-5, to })[0]);
  bench(`normActGrad ${x}, dy ${y}`, 'normActGrad', 2 * BYTES[x] + 3 * BYTES[y], (g, input) =>
    emit(g, 'normActGrad', [operand(g, input), ...affine(g), fill(g, [1, c], 0), fill(g, [1, c], 1), as(emit(g, 'scale', [input], { factor: 2, offset: 0 })[0], y), ...grid(g)], { ...attrs, eps: 1e-5 })[0]);
}
for (const dtype of ['q16', 'f32']) {
  const operand = (g, x) => (dtype === 'q16' ? stream(g, x, 'q16') : x);
  const bytes = 2 * BYTES[dtype];
  bench(`split ${dtype} into halves`, 'split', bytes, (g, x) => split(operand(g, x), [15, 15]));
  bench(`concat ${dtype} of halves`, 'concat', bytes, (g, x) => emit(g, 'concat', split(operand(g, x), [15, 15]), { axis: 1 })[0]);
  bench(`binary add ${dtype}`, 'binary', 1.5 * bytes, (g, x) => {
    const k = operand(g, x);
    return emit(g, 'binary', [k, operand(g, emit(g, 'scale', [x], { factor: 2, offset: 0 })[0])], { kind: 'add' })[0];
  });
  for (const order of ['offsetMajor', 'channelMajor']) {
    bench(`squeeze ${dtype} ${order}`, 'squeeze', bytes, (g, x) => squeeze(operand(g, x), 2, order));
    bench(`unsqueeze ${dtype} ${order}`, 'squeeze', bytes, (g, x) => {
      // The large tensor read as if it were the small one.
      const wide = emit(g, 'reshape', [x], { shape: [1, 240, 48, 48, 48] })[0];
      return unsqueeze(dtype === 'q16' ? stream(g, wide, 'q16') : wide, 2, order);
    });
    const kinds = dtype === 'q16' ? ['lifting', 'givens'] : ['lifting', 'haar', 'given'];
    for (const kind of kinds) {
      for (const up of [false, true]) {
        bench(`${kind} ${dtype} ${up ? 'up' : 'down'} ${order}`, 'resample', bytes, (g, x) => {
          const wide = up ? emit(g, 'reshape', [x], { shape: [1, 240, 48, 48, 48] })[0] : x;
          const rest = kind === 'givens' ? [fill(g, [c, 28], 0.7), exponent(g, 'q16')] : kind === 'given' ? [fill(g, [c, 8, 8], 0.3)] : [];
          return resample(dtype === 'q16' ? stream(g, wide, 'q16') : wide, kind, 2, { up, order }, rest);
        });
      }
    }
  }
}
bench('resampleGrad f32', 'resampleGrad', 8, (g, x) =>
  emit(g, 'resampleGrad', [x, squeeze(x, 2)], { stride: [2, 2, 2], order: 'offsetMajor', shared: false })[0]);
const backend = await createBackend({ threads });
const x = Float32Array.from({ length: ELEMENTS }, (_, i) => Math.sin(i * 1.7) * 2);

/** Best seconds of one call. */
async function time({ op, build }) {
  const graph = trace('bench', (g) => {
    const results = [build(g, g.input('x', SHAPE)) ?? []].flat();
    // One element of every result, so that nothing large is copied out.
    results.forEach((y, i) =>
      g.output(
        `y${i}`,
        slice(
          y,
          y.shape.map(() => 0),
          y.shape.map(() => 1),
        ),
      ),
    );
  });
  const plan = compile(graph, backend.profile);
  // The op's last call is the one under test; others made its operands.
  const index = plan.calls.findLastIndex((call) => call.op === op);
  const session = await backend.createSession();
  const loaded = await session.load(plan);
  let best = Infinity;
  let before = 0;
  for (let run = 0; run <= runs; run++) {
    await loaded.run({ x });
    const { seconds } = await session.timings(plan);
    if (run > 0) best = Math.min(best, seconds[index] - before);
    before = seconds[index];
  }
  session.dispose();
  return best;
}

// The copy is timed again and again: other work on the machine takes part of the memory's speed, never adds to it.
const [copy, ...kernels] = list;
let peak = 0;
const rows = [];
for (const kernel of kernels.filter(({ name }) => name.includes(filter))) {
  if (rows.length % 5 === 0) peak = Math.max(peak, (copy.bytesPerElement * ELEMENTS) / (await time(copy)) / 1e9);
  const seconds = await time(kernel);
  rows.push({ name: kernel.name, seconds, rate: (kernel.bytesPerElement * ELEMENTS) / seconds / 1e9 });
}
console.log(`${copy.name}: ${peak.toFixed(1)} GB/s, ${threads} thread(s), best of ${runs}\n`);
console.log('| kernel | ms | GB/s | of the copy |\n|---|---|---|---|');
for (const { name, seconds, rate } of rows)
  console.log(`| ${name} | ${(seconds * 1e3).toFixed(1)} | ${rate.toFixed(1)} | ${((100 * rate) / peak).toFixed(0)} % |`);
