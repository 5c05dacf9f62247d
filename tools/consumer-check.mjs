#!/usr/bin/env node
/**
 * What a user gets: packs each package, installs it into an empty folder with nothing but what it depends on, imports
 * it there, and compiles a strict TypeScript project against its types (`skipLibCheck` off) together with the TypeScript
 * examples of its README. Packages must be built.
 *
 * Not a test of behaviour. It finds what the workspace hides: a dependency that is used but not declared, a file that is
 * not in `files`, an export that points nowhere, types that need more than the package brings.
 *
 * `node tools/consumer-check.mjs [package ...]` takes folder names such as `imaging`; without any, all are checked.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './nx.mjs';

const require = createRequire(import.meta.url);

/**
 * Fenced `ts` blocks of a Markdown text that import something, that is, whole programs and not fragments.
 *
 * @param {string} markdown
 * @returns {string[]}
 */
export function programsOf(markdown) {
  return [...markdown.matchAll(/^```(?:ts|typescript)[^\n]*\n([\s\S]*?)^```/gm)]
    .map((match) => match[1])
    .filter((text) => /^import\s/m.test(text));
}

/**
 * The packages of this workspace that `name` needs, itself first, transitively.
 *
 * @param {string} name - folder name below `packages/`.
 * @param {(name: string) => Record<string, string>} dependenciesOf
 * @returns {string[]} folder names.
 */
export function closureOf(name, dependenciesOf) {
  const found = [name];
  for (let next = 0; next < found.length; next++) {
    for (const dependency of Object.keys(dependenciesOf(found[next]))) {
      if (!dependency.startsWith('@revoxel/')) continue;
      const folder = dependency.slice('@revoxel/'.length);
      if (!found.includes(folder)) found.push(folder);
    }
  }
  return found;
}

/** Runs a command and throws an error that carries what it printed. */
function run(command, args, cwd) {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 300_000 });
  } catch (error) {
    const { stdout = '', stderr = '' } = /** @type {{ stdout?: string, stderr?: string }} */ (error);
    const text = `${stdout}\n${stderr}`.trim().split('\n').slice(-30).join('\n');
    throw new Error(`${basename(command)} ${args[0]} failed in ${cwd}:\n${text}`, { cause: error });
  }
}

const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
const manifestOf = (name) => JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'));

/** Packs one package and returns the path of its tarball and the files in it. */
function pack(name, target) {
  const text = run(
    npm,
    ['pack', '--json', '--ignore-scripts', `--pack-destination=${target}`],
    join(root, 'packages', name),
  );
  const [{ filename, files }] = JSON.parse(text);
  return { tarball: join(target, filename), files: files.map((file) => file.path) };
}

/** What must and must not be in a tarball. */
function contentFaults(files, manifest) {
  const faults = [];
  for (const file of ['package.json', 'README.md', 'CHANGELOG.md', 'LICENSE']) {
    if (!files.includes(file)) faults.push(`the tarball lacks ${file}`);
  }
  for (const target of Object.values(manifest.bin ?? {})) {
    if (!files.includes(String(target).replace(/^\.\//, ''))) faults.push(`the tarball lacks its bin ${target}`);
  }
  const stray = files.find((file) => /(^|\/)(test|build|node_modules)\/|\.test\.|\.tsbuildinfo$|\.node$/.test(file));
  if (stray !== undefined) faults.push(`the tarball carries ${stray}`);
  return faults;
}

/** Compiles `programs` and an import of everything against the installed types, as strictly as TypeScript can. */
function compile(folder, manifest, programs) {
  mkdirSync(join(folder, 'src'));
  const all = `import * as api from '${manifest.name}';\n\nexport const names: readonly string[] = Object.keys(api);\n`;
  writeFileSync(join(folder, 'src/all.ts'), all);
  programs.forEach((text, i) => writeFileSync(join(folder, `src/readme-${i + 1}.ts`), text));
  const compilerOptions = {
    target: 'ES2022',
    lib: ['ES2023', 'ESNext.Disposable'],
    module: 'NodeNext',
    moduleResolution: 'NodeNext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
    types: ['node'],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
  run(process.execPath, [join(dirname(require.resolve('typescript/package.json')), 'bin/tsc'), '-p', '.'], folder);
}

/** Checks one package in a fresh folder; returns a line that says what was done. */
function check(name, packed, workFolder) {
  const manifest = manifestOf(name);
  const faults = contentFaults(packed(name).files, manifest);
  if (faults.length > 0) throw new Error(faults.join('; '));
  const folder = join(workFolder, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
  const tarballs = closureOf(name, (other) => manifestOf(other).dependencies ?? {}).map(
    (other) => packed(other).tarball,
  );
  run(npm, ['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', ...tarballs], folder);
  const script = `import(${JSON.stringify(manifest.name)}).then((api) => console.log(Object.keys(api).length))`;
  const exported = Number(run(process.execPath, ['-e', script], folder));
  // A library without a public name is a mistake; a package that is a command may have none.
  if (exported === 0 && manifest.bin === undefined) throw new Error('exports no name');
  if (manifest.bin?.revoxel)
    run(process.execPath, [join(folder, 'node_modules', manifest.name, manifest.bin.revoxel), '--help'], folder);
  // Node's own types are what any TypeScript project on Node has; taken from this workspace, no look-up needed.
  for (const types of ['@types/node', 'undici-types']) {
    const source = join(root, 'node_modules', types);
    if (existsSync(source)) cpSync(source, join(folder, 'node_modules', types), { recursive: true });
  }
  const programs = programsOf(readFileSync(join(root, 'packages', name, 'README.md'), 'utf8'));
  compile(folder, manifest, programs);
  return `${manifest.name}: ${packed(name).files.length} files, ${exported} exports, ${programs.length} README programs compiled`;
}

function main() {
  const known = readdirSync(join(root, 'packages')).sort();
  const wanted = process.argv.slice(2);
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`no package "${unknown}"; packages: ${known.join(', ')}`);
  const workFolder = mkdtempSync(join(tmpdir(), 'revoxel-consumer-'));
  const cache = new Map();
  const packed = (name) => {
    if (!cache.has(name)) cache.set(name, pack(name, workFolder));
    return cache.get(name);
  };
  try {
    for (const name of wanted.length > 0 ? wanted : known) {
      try {
        console.log(`consumer-check: ${check(name, packed, workFolder)}`);
      } catch (error) {
        console.error(`consumer-check: ${name}: ${/** @type {Error} */ (error).message}`);
        process.exitCode = 1;
      }
    }
  } finally {
    rmSync(workFolder, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
