#!/usr/bin/env node
/**
 * A campaign of planted faults (`npx nx run native-cuda:test:mutants`): every entry of mutants.json changes one place of
 * the sources, the emulated addon is built with it, and the tests of what it is about must fail. Prints a line a mutant and
 * a table by family; exit code 1 when a mutant survives that the list does not call equivalent, or an equivalent one does
 * not. Arguments: words; only mutants whose family, file or change contains one of them are planted.
 *
 * The sources are compiled once. A mutant then costs the files that include what it changes, a link and the tests, all
 * in a folder of its own, so that JOBS of them (default: one a core) go on side by side.
 */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const packageRoot = fileURLToPath(new URL('../..', import.meta.url));
const vitest = join(dirname(require.resolve('vitest/package.json')), 'vitest.mjs');
const words = process.argv.slice(2);
const jobs = Number(process.env.JOBS) || availableParallelism();
const folder = join(packageRoot, 'build/mutants-work');
const source = join(folder, 'source');
const work = join(folder, 'work');

/** Schedules that the tests of operations run under. */
const SCHEDULES = '(round-robin|random)';

const list = JSON.parse(readFileSync(new URL('mutants.json', import.meta.url), 'utf8')).filter(
  ({ family, file, from, to }) =>
    words.length === 0 || words.some((w) => `${family} ${file} ${from} ${to}`.includes(w)),
);

/** A command's output; never rejects. */
function run(command, args, options = {}) {
  return new Promise((done) => {
    const child = spawn(command, args, { cwd: packageRoot, ...options });
    let output = '';
    const add = (chunk) => (output += chunk);
    child.stdout.on('data', add);
    child.stderr.on('data', add);
    child.on('error', (error) => done({ status: 1, output: String(error) }));
    child.on('close', (status, signal) => done({ status, signal, output }));
  });
}

/** Sources without the mutants; files that did not change keep their times, so that little is compiled again. */
function prepare() {
  for (const name of ['CMakeLists.txt', 'native']) {
    const options = { recursive: true, preserveTimestamps: true };
    cpSync(join(packageRoot, name), join(source, name), options);
  }
  for (const name of readdirSync(join(source, 'native'), { recursive: true })) {
    if (!existsSync(join(packageRoot, 'native', name))) rmSync(join(source, 'native', name), { recursive: true });
  }
  const ninja = spawnSync('ninja', ['--version']).status === 0;
  const includes = [require('node-api-headers').include_dir, resolve(require('node-addon-api').include_dir)];
  const steps = [
    [
      ...['-S', source, '-B', work, '-G', ninja ? 'Ninja' : 'Unix Makefiles', '-DCMAKE_EXPORT_COMPILE_COMMANDS=ON'],
      ...['-DREVOXEL_CUDA_EMULATED=ON', `-DCMAKE_JS_INC=${includes.join(';')}`],
      `-DREVOXEL_RUNTIME=${dirname(require.resolve('@revoxel/runtime/native/plan.h'))}`,
    ],
    ['--build', work, '--parallel', String(jobs), '--target', 'revoxel_cuda'],
  ];
  for (const args of steps) {
    if (spawnSync('cmake', args, { stdio: ['ignore', 'ignore', 'inherit'] }).status !== 0) process.exit(1);
  }
  return JSON.parse(readFileSync(join(work, 'compile_commands.json'), 'utf8'));
}

/** Whether compiling `file` reads `wanted`; only includes with quotes are followed. */
function reads(file, wanted, seen = new Set()) {
  if (file === wanted) return true;
  if (seen.has(file) || !existsSync(file)) return false;
  seen.add(file);
  const names = [...readFileSync(file, 'utf8').matchAll(/^#include "(.*)"/gm)].map((match) => match[1]);
  return names.some((name) => reads(join(dirname(file), name), wanted, seen));
}

const commands = prepare();

/** Builds the addon with a mutant in `place`; what the compiler said if it did not. */
async function build({ file, from, to }, place) {
  rmSync(place, { recursive: true, force: true });
  cpSync(join(source, 'native'), join(place, 'native'), { recursive: true });
  const original = readFileSync(join(source, 'native', file), 'utf8');
  writeFileSync(
    join(place, 'native', file),
    original.replace(from, () => to),
  );
  const objects = new Map();
  for (const { command, file: unit } of commands) {
    const output = / -o (\S+)/.exec(command)[1];
    const object = join(work, output);
    if (!existsSync(object)) continue;
    if (!reads(unit, join(source, 'native', file))) {
      objects.set(output, object);
      continue;
    }
    const mine = join(place, `${objects.size}.o`);
    objects.set(output, mine);
    // What a mutant leaves unused is no error.
    const changed = command
      .replace(' -Werror', '')
      .replace(unit, join(place, relative(source, unit)))
      .replace(/ -o \S+/, ` -o ${mine}`);
    const { status, output: said } = await run('sh', ['-c', changed], { cwd: work });
    if (status !== 0) return said;
  }
  const linked = await run(process.env.CXX ?? 'g++', [
    ...['-shared', '-o', join(place, 'revoxel_cuda.node'), ...objects.values()],
    ...['-pthread', '-ldl', '-Wl,--exclude-libs,ALL'],
  ]);
  return linked.status === 0 ? undefined : linked.output;
}

/** Runs the tests of a mutant; what noticed it, or undefined. */
async function test({ operations = [], tests = ['test/ops.test.ts'], match }, place) {
  const names = operations.join('|');
  const pattern = match ?? ` (${names}): .*${SCHEDULES}$| (${names}), (descending|random)$`;
  const args = [vitest, 'run', ...tests, '--bail=1', '--reporter=dot', '-t', pattern];
  const env = { ...process.env, NO_COLOR: '1', REVOXEL_CUDA_EMULATED_ADDON: join(place, 'revoxel_cuda.node') };
  const { status, output } = await run(process.execPath, args, { env, timeout: 600_000, killSignal: 'SIGKILL' });
  writeFileSync(join(place, 'tests.log'), output);
  if (status === 0) {
    if (!/^ *Tests .*\d passed/m.test(output)) throw new Error(`no test matches "${pattern}" in ${tests.join(', ')}`);
    return undefined;
  }
  if (status === null || /Worker exited unexpectedly|Test timed out/.test(output)) return 'crash';
  return /cuemu|divergent|deadlock|CONTEXT_LOST|bankConflicts/.test(output) ? 'emulator' : 'values';
}

const COLUMNS = ['planted', 'values', 'emulator', 'crash', 'compiler', 'equivalent', 'survived'];
const table = new Map();
let done = 0;
let wrong = 0;

async function campaign(mutant, place) {
  const { family, file, from, to, equivalent } = mutant;
  const times = readFileSync(join(source, 'native', file), 'utf8').split(from).length - 1;
  let result = `not planted: occurs ${times} times, expected once`;
  if (times === 1) {
    const began = Date.now();
    const failed = await build(mutant, place);
    const seconds = Math.round((Date.now() - began) / 1000);
    result = failed ? 'compiler' : await test(mutant, place);
    result ??= equivalent ? 'equivalent' : 'SURVIVED';
    mutant.seconds = `${seconds} s + ${Math.round((Date.now() - began) / 1000) - seconds} s`;
  }
  const expected = equivalent ? result === 'equivalent' : ['values', 'emulator', 'crash'].includes(result);
  if (!expected) wrong++;
  const row = table.get(family) ?? Object.fromEntries(COLUMNS.map((column) => [column, 0]));
  row.planted++;
  if (result.toLowerCase() in row) row[result.toLowerCase()]++;
  table.set(family, row);
  const short = (text) => text.trim().replace(/\s+/g, ' ').slice(0, 70);
  console.log(
    `${++done}/${list.length} ${expected ? '' : '!! '}${result}\t${file}: ${short(from)} -> ${short(to) || '(nothing)'} (${mutant.seconds ?? ''})`,
  );
}

const queue = [...list];
async function lane(index) {
  const place = join(folder, `lane-${index}`);
  mkdirSync(place, { recursive: true });
  for (let mutant = queue.shift(); mutant; mutant = queue.shift()) await campaign(mutant, place);
}
await Promise.all(Array.from({ length: jobs }, (_, i) => lane(i)));

console.table(Object.fromEntries([...table].sort(([a], [b]) => a.localeCompare(b))));
process.exit(wrong === 0 ? 0 : 1);
