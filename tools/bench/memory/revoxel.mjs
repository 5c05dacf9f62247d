/**
 * Memory of a training step, Revoxel's half: the partially reversible U-Net under every memory choice, measured as the
 * Python peers are (README.md). One row is one fresh process; without `--row` this drives all rows and writes JSON.
 *
 *   node tools/bench/memory/revoxel.mjs --patch 96,96,96 --out revoxel.json
 */
import { execFile } from 'node:child_process';
import { readFile, rename, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { createBackend } from '@revoxel/native-cpu';
import { diceCrossEntropy, partiallyReversibleUnet3d } from '@revoxel/models';
import { compile, gradients, hostArray, openSafetensors, trace } from '@revoxel/runtime';
import { testArray } from '@revoxel/runtime/testing';

const { values: options } = parseArgs({
  options: {
    patch: { type: 'string', default: '96,96,96' },
    blocks: { type: 'string', default: '1,4' },
    base: { type: 'string', default: '60' },
    'in-channels': { type: 'string', default: '4' },
    classes: { type: 'string', default: '3' },
    seed: { type: 'string', default: '0' },
    threads: { type: 'string', default: '2' },
    steps: { type: 'string', default: '2' },
    out: { type: 'string', default: 'revoxel.json' },
    /** Safetensors with the gradients of the PyTorch row `keep`, to be compared with ours. */
    reference: { type: 'string' },
    /** Rows to run, as stream/precision/choice with commas between; default: all. */
    only: { type: 'string' },
    row: { type: 'string' },
  },
});
const patch = options.patch.split(',').map(Number);

/** stream, precision inside, memory choice. */
const ROWS = [
  ['f32', 'f32', 'keep'],
  ['f32', 'f32', 'recompute'],
  ['f32', 'f32', 'invert'],
  ['q16', 'f32', 'keep'],
  ['q16', 'f32', 'invert'],
  ['q32', 'f32', 'invert'],
  ['bf16', 'bf16', 'keep'],
  ['bf16', 'bf16', 'recompute'],
  ['q16', 'bf16', 'keep'],
  ['q16', 'bf16', 'invert'],
];

function graphOf({ blocks, stream, precision }) {
  return trace('step', (g) => {
    const image = g.input('image', [1, Number(options['in-channels']), ...patch]);
    const labels = g.input('labels', [1, 1, ...patch], 'u8');
    const config = { classes: Number(options.classes), baseChannels: Number(options.base), blocks, stream, precision };
    const [logits] = partiallyReversibleUnet3d(image, config, { training: true });
    const loss = diceCrossEntropy(logits, labels);
    const parameters = g.parameters();
    g.output('loss', loss);
    gradients(
      loss,
      parameters.map((p) => p.tensor),
    ).forEach((t, i) => g.output(parameters[i].name, t));
  });
}

function inputsOf() {
  const { seed, classes } = options;
  const uniform = { kind: 'uniform', low: -2, high: 2 };
  return {
    image: testArray(`bench/memory/image/${seed}`, [1, Number(options['in-channels']), ...patch], 'f32', uniform),
    labels: testArray(`bench/memory/labels/${seed}`, [1, 1, ...patch], 'u8', {
      kind: 'labels',
      classes: Number(classes),
    }),
  };
}

async function memoryOf(field) {
  const text = await readFile('/proc/self/status', 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(text)[1]) * 1024;
}

/** One row: planned and measured bytes, seconds, and how far the gradients are from those of keeping everything. */
async function measureRow(row) {
  if (!globalThis.gc) throw new Error('--row needs node --expose-gc');
  const backend = await createBackend({ threads: Number(options.threads) });
  const graph = graphOf(row);
  const plan = compile(graph, backend.profile, { memory: row.choice });
  const inputs = inputsOf();
  const into = Object.fromEntries(
    plan.outputs.map(({ name, value }) => {
      const { dtype, bytes } = plan.values[value];
      return [name, hostArray(dtype, bytes / 4).fill(0)];
    }),
  );
  const session = await backend.createSession({ seed: Number(options.seed) });
  globalThis.gc();
  // Restarts the high-water mark, which would else be that of planning.
  await writeFile('/proc/self/clear_refs', '5');
  const before = await memoryOf('VmRSS');
  const executable = await session.load(plan);
  const [seconds, cpu] = [[], []];
  await executable.run(inputs, {}, { into });
  for (let i = 0; i < Number(options.steps); i++) {
    const [start, used] = [performance.now(), process.cpuUsage()];
    await executable.run(inputs, {}, { into });
    seconds.push((performance.now() - start) / 1000);
    const { user, system } = process.cpuUsage(used);
    cpu.push((user + system) / 1e6);
  }
  const peak = await memoryOf('VmHWM');
  const memory = session.memory();
  const parameterBytes = plan.memory.byClass.parameters;
  session.dispose();

  const keep = compile(graph, backend.profile, { memory: 'keep', cheap: false });
  const other = await backend.createSession({ seed: Number(options.seed) });
  const kept = await (await other.load(keep)).run(inputs, {});
  other.dispose();
  return {
    ...row,
    parameters: parameterBytes / 4,
    planned: {
      peak_bytes: plan.memory.peakBytes,
      // What a step needs beside the weights: the figure to set beside the peers' growth.
      growth_bytes: plan.memory.peakBytes - parameterBytes,
      activation_bytes: plan.memory.byClass.activations,
      extra_flops: plan.choice.extraFlops / (plan.flops - plan.choice.extraFlops),
    },
    memory: {
      resident_bytes: memory.residentBytes,
      peak_rss_growth: peak - before - parameterBytes,
    },
    seconds: { median: median(seconds), minimum: Math.min(...seconds), cpu_median: median(cpu) },
    loss: into.loss[0],
    gradients: {
      against: 'keep',
      ...worst(into, kept),
      ...(options.reference && row.stream === 'f32' ? { pytorch: await compareWith(options.reference, into) } : {}),
    },
    load_average: os.loadavg()[0],
  };
}

function worst(got, want) {
  let result = { worst_relative_difference: 0, parameter: null };
  for (const name of Object.keys(want)) {
    if (name === 'loss') continue;
    const difference = relative(got[name], want[name]);
    // So written that NaN is the worst.
    if (!(difference <= result.worst_relative_difference))
      result = { worst_relative_difference: difference, parameter: name };
  }
  return result;
}

async function compareWith(file, got) {
  const tensors = await openSafetensors(file);
  const want = {};
  for (const name of Object.keys(got)) if (name !== 'loss') want[name] = (await tensors.read(name)).data;
  await tensors.close();
  return worst(got, want);
}

function relative(a, b) {
  let [error, size] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    error += (a[i] - b[i]) ** 2;
    size += b[i] ** 2;
  }
  return error === 0 ? 0 : Math.sqrt(error / size);
}

function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2;
}

async function driveAll() {
  const own = fileURLToPath(import.meta.url);
  const passed = Object.entries(options).flatMap(([name, value]) =>
    ['row', 'out', 'blocks', 'only'].includes(name) || value === undefined ? [] : [`--${name}`, value],
  );
  const rows = [];
  for (const blocks of options.blocks.split(',').map(Number)) {
    for (const [stream, precision, choice] of ROWS) {
      if (options.only && !options.only.split(',').includes(`${stream}/${precision}/${choice}`)) continue;
      const row = { peer: 'revoxel', blocks, stream, precision, choice };
      const args = ['--expose-gc', own, ...passed, '--row', JSON.stringify(row)];
      const environment = { ...process.env, OMP_WAIT_POLICY: 'PASSIVE' };
      try {
        const { stdout } = await promisify(execFile)(process.execPath, args, { env: environment, maxBuffer: 2 ** 24 });
        rows.push(JSON.parse(stdout));
      } catch (error) {
        // Node prints the place first, then the message.
        const lines = String(error.stderr || error).split('\n');
        rows.push({ ...row, status: `not run: ${lines.find((l) => /^\w*Error\b/.test(l)) ?? lines[0]}` });
      }
      const last = rows.at(-1);
      console.error(
        `${blocks} blocks, ${stream}/${precision}, ${choice}: ${last.status ?? `${(last.memory.peak_rss_growth / 2 ** 20).toFixed(0)} MiB, ${last.seconds.median.toFixed(2)} s, gradients ${last.gradients.worst_relative_difference}`}`,
      );
      const text = JSON.stringify(
        { patch, base: Number(options.base), cpu: os.cpus()[0].model, node: process.version, rows },
        null,
        2,
      );
      await writeFile(`${options.out}.part`, text);
      await rename(`${options.out}.part`, options.out);
    }
  }
}

if (options.row) console.log(JSON.stringify(await measureRow(JSON.parse(options.row))));
else await driveAll();
