#!/usr/bin/env node
/**
 * A campaign of planted faults (`npx nx run native-cuda:test:mutants`): every entry of mutants.json changes one place of
 * one kernel, the emulated addon is built with it in a folder of its own, and the tests of the operations concerned must
 * fail. Prints one line a mutant and a table by family; exit 1 when a mutant survives that the list does not call
 * equivalent. Options: a word, to run only the mutants whose family or file contains it.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const packageRoot = fileURLToPath(new URL('../..', import.meta.url));
const list = JSON.parse(readFileSync(new URL('mutants.json', import.meta.url), 'utf8'));
const wanted = process.argv[2] ?? '';
const folder = join(packageRoot, 'build/mutants-work');
const source = join(folder, 'source');
const work = join(folder, 'work');

rmSync(source, { recursive: true, force: true });
mkdirSync(source, { recursive: true });
cpSync(join(packageRoot, 'native'), join(source, 'native'), { recursive: true });
symlinkSync(join(packageRoot, 'CMakeLists.txt'), join(source, 'CMakeLists.txt'));

function build() {
  return spawnSync('cmake', ['--build', work, '--parallel', process.env.JOBS ?? '2', '--target', 'revoxel_cuda'], {
    encoding: 'utf8',
  });
}

const includes = [require('node-api-headers').include_dir, resolve(require('node-addon-api').include_dir)];
const configured = spawnSync(
  'cmake',
  [
    ...['-S', source, '-B', work, '-DREVOXEL_CUDA_EMULATED=ON', `-DCMAKE_JS_INC=${includes.join(';')}`],
    `-DREVOXEL_RUNTIME=${dirname(require.resolve('@revoxel/runtime/native/plan.h'))}`,
  ],
  { stdio: 'inherit' },
);
if (configured.status !== 0) process.exit(1);
const clean = build();
if (clean.status !== 0) {
  console.error(clean.stdout);
  process.exit(1);
}

/** Runs the tests of some operations with the mutant; what caught it, or undefined. */
function caughtBy(operations, tests = 'test/ops.test.ts') {
  const pattern = operations.length > 0 ? `(${operations.join('|')}):|${operations.join('|')}` : '.';
  const result = spawnSync('npx', ['vitest', 'run', tests, '--bail=1', '-t', pattern], {
    cwd: packageRoot,
    encoding: 'utf8',
    timeout: 300_000,
    env: { ...process.env, REVOXEL_CUDA_EMULATED_ADDON: join(work, 'revoxel_cuda.node') },
  });
  if (result.status === 0) return undefined;
  if (result.error) return 'timeout';
  return /divergent|deadlock|cuemu|CONTEXT_LOST/.test(result.stdout) ? 'emulator' : 'values';
}

const table = new Map();
let survivors = 0;
for (const { family, file, from, to, operations, tests, equivalent } of list) {
  if (!`${family} ${file}`.includes(wanted)) continue;
  const place = join(source, 'native', file);
  const original = readFileSync(place, 'utf8');
  if (original.split(from).length !== 2) {
    console.error(
      `${file}: "${from}" occurs ${original.split(from).length - 1} times, expected once; correct mutants.json`,
    );
    survivors++;
    continue;
  }
  writeFileSync(
    place,
    original.replace(from, () => to),
  );
  const built = build();
  const caught = built.status === 0 ? caughtBy(operations, tests) : 'compiler';
  writeFileSync(place, original);
  const row = table.get(family) ?? {
    planted: 0,
    values: 0,
    emulator: 0,
    timeout: 0,
    compiler: 0,
    survived: 0,
    equivalent: 0,
  };
  row.planted++;
  row[caught ?? (equivalent ? 'equivalent' : 'survived')]++;
  table.set(family, row);
  if (caught === undefined && !equivalent) survivors++;
  console.log(
    `${caught ?? (equivalent ? `equivalent (${equivalent})` : 'SURVIVED')}\t${file}\t${from.trim()} -> ${to.trim()}`,
  );
}
console.table(Object.fromEntries(table));
process.exit(survivors === 0 ? 0 : 1);
