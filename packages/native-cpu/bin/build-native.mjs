#!/usr/bin/env node
/**
 * Builds the native addon of this package with node-gyp: `native/binding.gyp` in, `build/Release/*.node` out.
 *
 * It is a command the user types (`npm run build:native` in a clone, `npx revoxel-build-native` beside an installed
 * package) and never an install script. Nothing is downloaded: the headers are those of the running Node where they are
 * installed, else those of the npm package node-api-headers, set up in the same folder layout. Object files stay in
 * `native/build` for the next incremental build and are dropped when the toolchain or Node has changed.
 *
 * Exit code 0: built. 1: not built, and the last line of stderr, starting with `build:native:`, says why and what to do.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const packageRoot = fileURLToPath(new URL('..', import.meta.url));
const nativeFolder = join(packageRoot, 'native');
const workFolder = join(nativeFolder, 'build');
const outputFolder = join(packageRoot, 'build');

/** Ends with one line that a caller can show on its own. */
function fail(reason) {
  console.error(`build:native: ${reason}`);
  process.exit(1);
}

/** The first of `names` that lies on the PATH, or undefined. */
function onPath(names) {
  const extensions = process.platform === 'win32' ? ['.exe', '.cmd', ''] : [''];
  for (const name of names) {
    if (name.includes('/') && existsSync(name)) return name;
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      if (folder !== '' && extensions.some((extension) => existsSync(join(folder, name + extension)))) return name;
    }
  }
  return undefined;
}

/**
 * A folder with `include/node/node_api.h` and `common.gypi`, as node-gyp's `--nodedir` wants it.
 *
 * An addon that uses only Node-API needs no more of Node's sources than these, so the fallback works with every Node.
 */
function headers() {
  const installed = join(dirname(process.execPath), '..');
  const include = join(installed, 'include/node');
  if (existsSync(join(include, 'node_api.h')) && existsSync(join(include, 'common.gypi'))) return installed;
  const folder = join(workFolder, 'headers');
  const target = join(folder, 'include/node');
  mkdirSync(target, { recursive: true });
  cpSync(require('node-api-headers').include_dir, target, { recursive: true });
  writeFileSync(
    join(target, 'common.gypi'),
    JSON.stringify({
      target_defaults: {
        default_configuration: 'Release',
        configurations: { Release: { cflags: ['-O3'], defines: ['NDEBUG'] }, Debug: { cflags: ['-O0', '-g'] } },
        cflags: ['-fPIC', '-pthread'],
        cflags_cc: ['-std=gnu++17'],
        ldflags: ['-pthread'],
        defines: ['BUILDING_NODE_EXTENSION'],
      },
    }),
  );
  return folder;
}

/** What makes object files of an earlier build unusable: another Node, compiler, set of flags or header version. */
function toolchainKey(compiler, nodeFolder) {
  const version = spawnSync(compiler, ['--version'], { encoding: 'utf8' }).stdout ?? '';
  return JSON.stringify({
    node: process.version,
    arch: `${process.platform} ${process.arch}`,
    compiler: `${compiler} ${version.split('\n')[0]}`,
    flags: [process.env.CXXFLAGS, process.env.LDFLAGS],
    addonApi: require('node-addon-api/package.json').version,
    headers: nodeFolder,
  });
}

// First of all, so that a failed build is never mistaken for the addon of an earlier one.
rmSync(outputFolder, { recursive: true, force: true });

if (!existsSync(join(nativeFolder, 'binding.gyp'))) fail(`no binding.gyp in ${nativeFolder}; reinstall the package`);
const compiler = onPath([process.env.CXX, 'c++', 'g++', 'clang++'].filter(Boolean));
if (process.platform !== 'win32') {
  if (compiler === undefined)
    fail('no C++ compiler on the PATH; install one (Debian, Ubuntu: apt-get install g++ make)');
  if (onPath(['make', 'gmake']) === undefined)
    fail('no make on the PATH; install it (Debian, Ubuntu: apt-get install make)');
  if (onPath([process.env.PYTHON, 'python3', 'python'].filter(Boolean)) === undefined) {
    fail('no Python 3 on the PATH, which node-gyp needs; install it (Debian, Ubuntu: apt-get install python3)');
  }
}

let nodeGyp;
try {
  nodeGyp = join(dirname(require.resolve('node-gyp/package.json')), 'bin/node-gyp.js');
} catch {
  fail('node-gyp is not installed; run npm ci');
}

mkdirSync(workFolder, { recursive: true });
const nodeFolder = headers();
const stamp = join(workFolder, 'toolchain.json');
const key = toolchainKey(compiler ?? 'cl', nodeFolder);
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== key) {
  rmSync(workFolder, { recursive: true, force: true });
  mkdirSync(workFolder, { recursive: true });
  headers();
  writeFileSync(stamp, key);
}

const jobs = process.env.JOBS ?? String(availableParallelism());
const result = spawnSync(
  process.execPath,
  [
    nodeGyp,
    'configure',
    'build',
    '--release',
    `--nodedir=${nodeFolder}`,
    `--jobs=${jobs}`,
    '--force-process-config',
    '--loglevel=warn',
  ],
  {
    cwd: nativeFolder,
    stdio: ['ignore', 'inherit', 'inherit'],
    env:
      compiler === undefined || process.env.CXX || onPath(['c++', 'g++'])
        ? process.env
        : { ...process.env, CXX: compiler },
  },
);
if (result.status !== 0) fail(`compilation failed, node-gyp exit ${result.status ?? result.signal}`);

const release = join(workFolder, 'Release');
const addons = existsSync(release) ? readdirSync(release).filter((file) => file.endsWith('.node')) : [];
if (addons.length === 0)
  fail(`node-gyp reported success but left no .node file in ${release}; delete ${workFolder} and retry`);
mkdirSync(join(outputFolder, 'Release'), { recursive: true });
for (const addon of addons) cpSync(join(release, addon), join(outputFolder, 'Release', addon));
console.log(`build:native: ${addons.join(', ')} for Node ${process.version}, ${process.platform} ${process.arch}`);
