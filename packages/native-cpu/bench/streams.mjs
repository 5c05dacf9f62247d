#!/usr/bin/env node
/**
 * Speed of the operations of exact streams against that of copying memory, on one large tensor: prints a Markdown table.
 *
 * A plan that runs the operation once is compared with one that runs it `REPEATS` times more: the difference is the
 * operation alone. Time is the processor's, per thread, so that other work on the machine counts only where it takes
 * caches and memory away; best of several runs. Bytes are those of operands and results, each counted once: a result
 * beside its operand also costs a read of the lines it overwrites, but for the copy, which is std::memcpy and goes
 * around the caches. The addon and both packages must be built.
 *
 *   node packages/native-cpu/bench/streams.mjs [threads] [runs] [filter]
 */
import { argv, cpuUsage } from 'node:process';
import { compile, dequantize, quantize, resample, slice, split, squeeze, trace, unsqueeze } from '@revoxel/runtime';
import { createBackend } from '../dist/index.js';

const SHAPE = [1, 30, 96, 96, 96];
const SMALL = [1, 240, 48, 48, 48];
const C = SHAPE[1];
const ELEMENTS = SHAPE.reduce((p, s) => p * s, 1);
const REPEATS = 4;
const BYTES = { f32: 4, bf16: 2, q16: 2, q32: 4 };
const threads = Number(argv[2] ?? 2);
const runs = Number(argv[3] ?? 8);
const filter = argv[4] ?? '';

// Nodes of any operation; the builder's `emit` is internal.
const emit = (g, op, inputs, attrs) => g.emit(op, inputs, attrs);
const fill = (g, shape, value) => emit(g, 'fill', [], { shape, value, dtype: 'f32' })[0];
const exponent = (g, dtype) => fill(g, [1], dtype === 'q32' ? 20 : 9);
const doubled = (g, x) => emit(g, 'scale', [x], { factor: 2, offset: 0 })[0];

/** A tensor of any dtype with the values of x. */
function as(g, x, dtype) {
  if (x.dtype === dtype) return x;
  return dtype.startsWith('q') ? quantize(x, exponent(g, dtype), dtype) : emit(g, 'cast', [x], { to: dtype })[0];
}

/**
 * @type {{ name: string, bytes: number, prepare: Function, run: Function, chain?: boolean }[]} bytes an element;
 * `prepare` makes the operands, `run` is the operation; with `chain` its result is the next one's first operand.
 */
const list = [];
const bench = (name, bytes, prepare, run, chain = false) => list.push({ name, bytes, prepare, run, chain });

// A concatenation of one tensor is a plain copy.
bench(
  'copy f32',
  8,
  (_g, x) => [x],
  (g, operands) => emit(g, 'concat', operands, { axis: 0 }),
);
for (const f of ['f32', 'bf16']) {
  for (const k of ['q16', 'q32']) {
    bench(
      `quantize ${f} to ${k}`,
      BYTES[f] + BYTES[k],
      (g, x) => [as(g, x, f), exponent(g, k)],
      (g, operands) => [emit(g, 'quantize', operands, { to: k })[0]],
    );
    for (const [direction, checksum] of [
      ['add', 'none'],
      ['add', 'input'],
      ['sub', 'none'],
    ])
      bench(
        `couple ${k} ${direction === 'add' ? '+' : '-'}= ${f}${checksum === 'none' ? '' : ', checksum'}`,
        2 * BYTES[k] + BYTES[f],
        (g, x) => [as(g, x, k), as(g, doubled(g, x), f), exponent(g, k)],
        (g, operands) => [emit(g, 'couple', operands, { direction, checksum })[0]],
        true,
      );
    bench(
      `dequantize ${k} to ${f}`,
      BYTES[k] + BYTES[f],
      (g, x) => [as(g, x, k), exponent(g, k)],
      (_g, [x, e]) => [dequantize(x, e, f)],
    );
  }
  bench(
    `coupleGrad from f ${f}`,
    3 * BYTES[f],
    (g, x) => [as(g, x, f), as(g, doubled(g, x), f), exponent(g, 'q16')],
    (g, operands) => [emit(g, 'coupleGrad', operands, { to: 'q16', from: 'f' })[0]],
  );
  bench(
    `coupleGrad from states q16, dy ${f}`,
    4 + 2 * BYTES[f],
    (g, x) => [as(g, x, 'q16'), as(g, doubled(g, x), 'q16'), as(g, x, f)],
    (g, operands) => [emit(g, 'coupleGrad', operands, { to: 'q16', from: 'states' })[0]],
  );
}
for (const [from, to] of [
  ['f32', 'f32'],
  ['bf16', 'bf16'],
  ['q16', 'f32'],
  ['q16', 'bf16'],
  ['q32', 'f32'],
  ['q32', 'bf16'],
]) {
  const fixed = from.startsWith('q');
  const attrs = { mode: 'group', groups: C, slope: 0.01 };
  const affine = (g) => [fill(g, [C], 1), fill(g, [C], 0)];
  const statistics = (g) => [fill(g, [1, C], 0), fill(g, [1, C], 1)];
  const grid = (g) => (fixed ? [exponent(g, from)] : []);
  bench(
    `normApply ${from} to ${to}`,
    BYTES[from] + BYTES[to],
    (g, x) => [as(g, x, from), ...affine(g), ...statistics(g), ...grid(g)],
    (g, operands) => [emit(g, 'normApply', operands, { ...attrs, to: fixed ? to : 'same' })[0]],
  );
  bench(
    `normAct ${from} to ${to}`,
    2 * BYTES[from] + BYTES[to],
    (g, x) => [as(g, x, from), ...affine(g), ...grid(g)],
    (g, operands) => [emit(g, 'normAct', operands, { ...attrs, eps: 1e-5, to: fixed ? to : 'same' })[0]],
  );
  bench(
    `normActGrad ${from}, dy ${to}`,
    2 * BYTES[from] + 3 * BYTES[to],
    (g, x) => [as(g, x, from), ...affine(g), ...statistics(g), as(g, doubled(g, x), to), ...grid(g)],
    (g, operands) => [emit(g, 'normActGrad', operands, { ...attrs, eps: 1e-5 })[0]],
  );
}
for (const dtype of ['q16', 'f32']) {
  const bytes = 2 * BYTES[dtype];
  const one = (g, x) => [as(g, x, dtype)];
  bench(`split ${dtype} into halves`, bytes, one, (_g, [x]) => split(x, [C / 2, C / 2]));
  bench(
    `concat ${dtype} of halves`,
    bytes,
    (g, x) => split(as(g, x, dtype), [C / 2, C / 2]),
    (g, operands) => emit(g, 'concat', operands, { axis: 1 }),
  );
  bench(
    `binary add ${dtype}`,
    1.5 * bytes,
    (g, x) => [as(g, x, dtype), as(g, doubled(g, x), dtype)],
    (g, operands) => emit(g, 'binary', operands, { kind: 'add' }),
  );
  for (const order of ['offsetMajor', 'channelMajor']) {
    for (const up of [false, true]) {
      const way = `${up ? 'up' : 'down'} ${order}`;
      const operand = (g, x) => as(g, up ? emit(g, 'reshape', [x], { shape: SMALL })[0] : x, dtype);
      bench(
        `squeeze ${dtype} ${way}`,
        bytes,
        (g, x) => [operand(g, x)],
        (_g, [x]) => [up ? unsqueeze(x, 2, order) : squeeze(x, 2, order)],
      );
      for (const kind of dtype === 'q16' ? ['lifting', 'givens'] : ['lifting', 'haar', 'given']) {
        bench(
          `${kind} ${dtype} ${way}`,
          bytes,
          (g, x) => [
            operand(g, x),
            ...(kind === 'givens' ? [fill(g, [C, 28], 0.7), exponent(g, dtype)] : []),
            ...(kind === 'given' ? [fill(g, [C, 8, 8], 0.3)] : []),
          ],
          (_g, [x, ...rest]) => [resample(x, kind, 2, { up, order }, rest)],
        );
      }
    }
  }
}
bench(
  'resampleGrad f32',
  8,
  (_g, x) => [x, squeeze(x, 2)],
  (g, operands) => emit(g, 'resampleGrad', operands, { stride: [2, 2, 2], order: 'offsetMajor', shared: false }),
);

const backend = await createBackend({ threads });
const x = Float32Array.from({ length: ELEMENTS }, (_, i) => Math.sin(i * 1.7) * 2);

/** Processor seconds per thread of the whole plan with the operation run `times` times. */
async function time({ prepare, run, chain }, times) {
  const graph = trace('bench', (g) => {
    let operands = prepare(g, g.input('x', SHAPE));
    for (let i = 0; i < times; i++) {
      const results = run(g, operands);
      // One element of every result, so that nothing large is copied out.
      if (!chain || i === times - 1)
        for (const [j, y] of results.entries()) {
          const ones = y.shape.map(() => 1);
          g.output(
            `y${i}-${j}`,
            slice(
              y,
              ones.map(() => 0),
              ones,
            ),
          );
        }
      if (chain) operands = [results[0], ...operands.slice(1)];
    }
  });
  const session = await backend.createSession();
  const loaded = await session.load(compile(graph, backend.profile));
  let best = Infinity;
  for (let i = 0; i <= runs; i++) {
    const before = cpuUsage();
    await loaded.run({ x });
    const { user, system } = cpuUsage(before);
    if (i > 0) best = Math.min(best, (user + system) / 1e6 / threads);
  }
  session.dispose();
  return best;
}

async function rate(kernel) {
  const seconds = ((await time(kernel, 1 + REPEATS)) - (await time(kernel, 1))) / REPEATS;
  return { seconds, gigabytes: (kernel.bytes * ELEMENTS) / seconds / 1e9 };
}

const [copy, ...kernels] = list;
const rows = [];
let peak = 0;
for (const kernel of kernels.filter(({ name }) => name.includes(filter))) {
  // Again and again: other work on the machine takes memory's speed away at times.
  if (rows.length % 10 === 0) peak = Math.max(peak, (await rate(copy)).gigabytes);
  rows.push({ name: kernel.name, ...(await rate(kernel)) });
}
console.log(`copy f32: ${peak.toFixed(1)} GB/s, ${threads} thread(s), best of ${runs}\n`);
console.log('| kernel | ms | GB/s | of the copy |\n|---|---|---|---|');
for (const { name, seconds, gigabytes } of rows)
  console.log(
    `| ${name} | ${(seconds * 1e3).toFixed(1)} | ${gigabytes.toFixed(1)} | ${((100 * gigabytes) / peak).toFixed(0)} % |`,
  );
