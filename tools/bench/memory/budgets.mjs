/**
 * `auto` within a row of budgets from the leanest to the richest plan: planned and measured bytes and time. Times are
 * relative to those of keeping, since plans count on a nominal machine; steps of all plans take turns, so that what else
 * the machine does falls on all of them.
 *
 *   node tools/bench/memory/budgets.mjs --patch 96,96,96 --base 32 --budgets 6
 */
import { parseArgs } from 'node:util';
import { trainingStep } from '@revoxel/models';
import { createBackend } from '@revoxel/native-cpu';
import { compile, OutOfMemoryError } from '@revoxel/runtime';
import { testArray } from '@revoxel/runtime/testing';

const { values: options } = parseArgs({
  options: {
    patch: { type: 'string', default: '64,64,64' },
    base: { type: 'string', default: '32' },
    blocks: { type: 'string', default: '1' },
    stream: { type: 'string', default: 'q16' },
    budgets: { type: 'string', default: '6' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
  },
});
const patch = options.patch.split(',').map(Number);
const model = {
  kind: 'partially-reversible-unet3d',
  classes: 3,
  baseChannels: Number(options.base),
  blocks: Number(options.blocks),
  stream: options.stream,
};
const backend = await createBackend({ threads: Number(options.threads) });
const graph = trainingStep({ model, inChannels: 4, batch: 1, patch });
const inputs = {
  image: testArray('image', [1, 4, ...patch], 'f32', { kind: 'uniform', low: -2, high: 2 }),
  labels: testArray('labels', [1, 1, ...patch], 'u8', { kind: 'labels', classes: 3 }),
};

const richest = compile(graph, backend.profile, { memory: 'keep' });
const start = performance.now();
let leanest = compile(graph, backend.profile, { memory: 'invert' }).memory.peakBytes;
try {
  compile(graph, backend.profile, { memory: 'auto', budgetBytes: leanest / 2 });
} catch (error) {
  // What the leanest plan of all needs is in the refusal.
  if (!(error instanceof OutOfMemoryError)) throw error;
  leanest = Math.min(leanest, error.neededBytes);
}
const searchSeconds = (performance.now() - start) / 1000;

const rows = [];
for (let i = 0; i < Number(options.budgets); i++) {
  const budgetBytes = Math.ceil(leanest + ((richest.memory.peakBytes - leanest) * i) / (Number(options.budgets) - 1));
  const plan = compile(graph, backend.profile, { memory: 'auto', budgetBytes });
  const session = await backend.createSession({ seed: 0 });
  const executable = await session.load(plan);
  await executable.run(inputs, { lr: 0 });
  rows.push({ budgetBytes, plan, session, executable, seconds: [] });
}
for (let round = 0; round < Number(options.rounds); round++) {
  for (const row of rows) {
    const before = process.cpuUsage();
    await row.executable.run(inputs, { lr: 0 });
    const { user, system } = process.cpuUsage(before);
    row.seconds.push((user + system) / 1e6);
  }
}
const best = (row) => Math.min(...row.seconds);
const last = rows.at(-1);
const mib = (bytes) => (bytes / 2 ** 20).toFixed(1);
console.log(`search ${searchSeconds.toFixed(1)} s; processor seconds a step, best of ${options.rounds}\n`);
console.log('| budget MiB | planned | resident | planned time | measured time | choices |\n|---|---|---|---|---|---|');
for (const row of rows) {
  const { plan } = row;
  const planned = plan.choice.seconds / last.plan.choice.seconds;
  const names = [...new Set(plan.choice.units.map((u) => u.choice))];
  const choices = names.map((n) => `${plan.choice.units.filter((u) => u.choice === n).length} ${n}`).join(', ');
  console.log(
    `| ${mib(row.budgetBytes)} | ${mib(plan.memory.peakBytes)} | ${mib(row.session.memory().residentBytes)} | ${planned.toFixed(3)} | ${(best(row) / best(last)).toFixed(3)} | ${choices} |`,
  );
}
for (const { session } of rows) session.dispose();
