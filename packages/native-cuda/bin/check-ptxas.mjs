#!/usr/bin/env node
/**
 * Compiles kernels for each architecture of native/test/ptxas-budget.json and compares what ptxas says of each of them
 * (registers, spills, static shared memory) with the table there. Needs nvcc, no GPU.
 *
 *   node bin/check-ptxas.mjs [--write] [--file conv] [--arch 90]
 *
 * A kernel fails when it spills, uses more registers or shared memory than its budget, or is missing in the table (or in
 * the code); fewer registers are told, not failed. `--write` makes the table anew; `--file` takes sources whose name has
 * this in it. Exit code 0: all within budget, or no nvcc here and `--optional`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const tableFile = join(root, 'native/test/ptxas-budget.json');
const { values: options } = parseArgs({
  options: {
    write: { type: 'boolean', default: false },
    optional: { type: 'boolean', default: false },
    file: { type: 'string', default: '' },
    arch: { type: 'string' },
  },
});

/** Files of a pattern with `*` in its last part. */
function matches(pattern) {
  const [before, after = ''] = basename(pattern).split('*');
  const folder = dirname(pattern);
  return readdirSync(join(root, folder))
    .filter((f) => (pattern.includes('*') ? f.startsWith(before) && f.endsWith(after) : f === before))
    .map((f) => `${folder}/${f}`);
}

function nvccPath() {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  const places = [process.env.CUDACXX, ...folders.map((f) => join(f, 'nvcc')), '/usr/local/cuda/bin/nvcc'];
  return places.find((p) => p && existsSync(p));
}

const nvcc = nvccPath();
if (!nvcc) {
  console.log('check:ptxas: no nvcc on the PATH; install the CUDA toolkit 13 or set CUDACXX');
  process.exit(options.optional ? 0 : 1);
}

const table = JSON.parse(readFileSync(tableFile, 'utf8'));
const runtime = dirname(createRequire(import.meta.url).resolve('@revoxel/runtime/native/plan.h'));
const sources = table.sources
  .flatMap(matches)
  .filter((file) => file.includes(options.file))
  .sort();
const architectures = table.architectures.filter((arch) => !options.arch || arch === options.arch);

/** What a kernel uses, by its readable name. */
function measure(source, arch) {
  const flags = [
    '-std=c++17',
    '-O3',
    `-arch=sm_${arch}`,
    '-lineinfo',
    '--expt-relaxed-constexpr',
    '-Werror=all-warnings',
  ];
  const run = spawnSync(
    nvcc,
    [...flags, '-I', runtime, '-Xptxas', '-v', '-cubin', '-o', '/dev/null', join(root, source)],
    { encoding: 'utf8' },
  );
  const text = `${run.stdout}${run.stderr}`;
  if (run.status !== 0) throw new Error(`${source} for sm_${arch} does not compile:\n${text}`);
  const readable = spawnSync('c++filt', { input: text, encoding: 'utf8' });
  const lines = (readable.status === 0 ? readable.stdout : text).split('\n');
  const kernels = new Map();
  let name = '';
  for (const line of lines) {
    const entry = /Compiling entry function '(.*)' for/.exec(line);
    if (entry) name = shorten(entry[1]);
    const spills = /(\d+) bytes spill stores, (\d+) bytes spill loads/.exec(line);
    const use = /Used (\d+) registers/.exec(line);
    if (spills && name) kernels.set(name, { registers: 0, spills: Number(spills[1]) + Number(spills[2]), shared: 0 });
    if (use && kernels.has(name))
      Object.assign(kernels.get(name), {
        registers: Number(use[1]),
        shared: Number(/(\d+) bytes smem/.exec(line)?.[1] ?? 0),
      });
  }
  return kernels;
}

/** A kernel's name and template arguments, without namespaces, result and parameters. */
function shorten(signature) {
  const plain = signature.replaceAll('(anonymous namespace)::', '').replaceAll(/\brevoxel::(ops::)?/g, '');
  const text = plain.replace(/^void /, '').replaceAll(/\((?:[A-Za-z_]\w*)\)(?=\d)/g, '');
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '<') depth++;
    else if (text[i] === '>') depth--;
    else if (text[i] === '(' && depth === 0) return text.slice(0, i);
  }
  return text;
}

const rows = [];
const found = {};
let failed = 0;
for (const source of sources) {
  for (const arch of architectures) {
    const budget = table.kernels[source]?.[`sm_${arch}`] ?? {};
    const kernels = measure(source, arch);
    for (const [name, use] of kernels) {
      ((found[source] ??= {})[`sm_${arch}`] ??= {})[name] = [use.registers, use.shared];
      const allowed = budget[name];
      const problem =
        use.spills > 0
          ? `spills ${use.spills} bytes`
          : options.write
            ? ''
            : !allowed
              ? 'not in the table'
              : use.registers > allowed[0]
                ? `more registers than ${allowed[0]}`
                : use.shared > allowed[1]
                  ? `more shared memory than ${allowed[1]}`
                  : use.registers < allowed[0]
                    ? `(fewer registers than ${allowed[0]})`
                    : '';
      const bad = problem !== '' && !problem.startsWith('(');
      if (bad) failed++;
      rows.push([
        bad ? 'FAIL' : 'ok',
        `sm_${arch}`,
        String(use.registers),
        String(use.shared),
        `${source}: ${name}`,
        problem,
      ]);
    }
    if (options.write) continue;
    for (const name of Object.keys(budget)) {
      if (kernels.has(name)) continue;
      failed++;
      rows.push(['FAIL', `sm_${arch}`, '-', '-', `${source}: ${name}`, 'in the table, not in the code']);
    }
  }
}
if (!options.write && options.file === '') {
  for (const source of Object.keys(table.kernels).filter((s) => !sources.includes(s))) {
    failed++;
    rows.push(['FAIL', '-', '-', '-', source, 'in the table, not in the code']);
  }
}

const heads = ['', 'arch', 'registers', 'shared', 'kernel', ''];
const widths = heads.map((head, i) => Math.max(head.length, ...rows.map((row) => row[i].length)));
const line = (row) =>
  row
    .map((cell, i) => (i === 2 || i === 3 ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
    .join('  ')
    .trimEnd();
console.log([heads, ...rows].map(line).join('\n'));
if (options.write) {
  // What was not compiled now stays; sources that are gone go.
  const kernels = {};
  for (const [source, old] of Object.entries(table.kernels)) {
    if (existsSync(join(root, source))) kernels[source] = old;
  }
  for (const [source, of] of Object.entries(found)) kernels[source] = { ...kernels[source], ...of };
  const sorted = Object.fromEntries(Object.entries(kernels).sort(([a], [b]) => (a < b ? -1 : 1)));
  const text = JSON.stringify({ ...table, kernels: sorted }, undefined, 2);
  writeFileSync(tableFile, `${text.replaceAll(/\[\s+(\d+),\s+(\d+)\s+\]/g, '[$1, $2]')}\n`);
}
console.log(`check:ptxas: ${rows.length} kernels, ${failed} beyond their budget`);
process.exit(failed > 0 ? 1 : 0);
