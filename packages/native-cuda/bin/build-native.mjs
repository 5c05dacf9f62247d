#!/usr/bin/env node
/**
 * Builds the native addon of this package with CMake: `build/Release` (nvcc) or, with --emulated, `build/Emulated` (g++
 * only, kernels run on the CPU). Options: `--release` all architectures of a release; `--arch 86` one architecture;
 * `--sanitize` address and undefined-behaviour sanitizers (emulated); `--optional` exit 0 when a tool is missing.
 *
 * It is a command the user types (or Nx runs in a clone) and never an install script. Nothing is downloaded. Work files
 * stay in `build/*-work` for the next incremental build.
 *
 * Exit code 0: built. 1: not built, and the last line of stderr, starting with `build:native:`, says why and what to do.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const require = createRequire(import.meta.url);
const packageRoot = fileURLToPath(new URL('..', import.meta.url));

const { values: options } = parseArgs({
  options: {
    emulated: { type: 'boolean', default: false },
    release: { type: 'boolean', default: false },
    sanitize: { type: 'boolean', default: false },
    optional: { type: 'boolean', default: false },
    arch: { type: 'string' },
  },
});
const kind = options.emulated ? (options.sanitize ? 'Sanitized' : 'Emulated') : 'Release';
const work = join(packageRoot, 'build', `${kind.toLowerCase()}-work`);
const output = join(packageRoot, 'build', kind);

/** Ends with one line that a caller can show on its own. */
function fail(reason) {
  console.error(`build:native: ${reason}`);
  process.exit(1);
}

/** Ends because a tool is not there. */
function missing(reason) {
  if (!options.optional) fail(reason);
  console.log(`build:native: native-cuda (${kind}) skipped: ${reason}`);
  process.exit(0);
}

function onPath(names) {
  for (const name of names) {
    if (name.includes('/') && existsSync(name)) return name;
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      if (folder !== '' && existsSync(join(folder, name))) return join(folder, name);
    }
  }
  return undefined;
}

// First of all, so that a failed build is never mistaken for the addon of an earlier one.
rmSync(output, { recursive: true, force: true });

if (process.platform !== 'linux') missing('CUDA builds are for Linux');
if (!onPath([process.env.CXX, 'c++', 'g++', 'clang++'].filter(Boolean)))
  missing('no C++ compiler on the PATH; install one (Debian, Ubuntu: apt-get install g++)');
if (!onPath(['cmake'])) missing('no cmake on the PATH; install it (Debian, Ubuntu: apt-get install cmake)');
const nvcc = onPath([process.env.CUDACXX, 'nvcc', '/usr/local/cuda/bin/nvcc'].filter(Boolean));
if (!options.emulated && !nvcc) missing('no nvcc on the PATH; install the CUDA toolkit 13 or set CUDACXX');
const ninja = onPath(['ninja']);
if (!ninja && !onPath(['make']))
  missing('neither ninja nor make on the PATH; install one (apt-get install ninja-build)');

/** Compute capabilities of the GPUs of this machine, as nvidia-smi tells them: `90`, `89`. */
function present() {
  const told = spawnSync('nvidia-smi', ['--query-gpu=compute_cap', '--format=csv,noheader'], { encoding: 'utf8' });
  return [...new Set((told.stdout ?? '').split('\n').map((line) => line.trim().replace('.', '')))].filter((n) =>
    /^\d{2,3}$/.test(n),
  );
}

// What was asked for, else the GPUs that are here, else one development architecture.
const here = present().map((n) => (n === '90' ? '90a-real' : `${n}-real`));
const wanted = options.arch ?? (here.length > 0 ? here.join(';') : '90a-real');
const architectures = options.release ? '-UCMAKE_CUDA_ARCHITECTURES' : `-DCMAKE_CUDA_ARCHITECTURES=${wanted}`;

const includes = [require('node-api-headers').include_dir, resolve(require('node-addon-api').include_dir)];
const runtime = dirname(require.resolve('@revoxel/runtime/native/plan.h'));
const configure = spawnSync(
  'cmake',
  [
    ...['-S', packageRoot, '-B', work, '-G', ninja ? 'Ninja' : 'Unix Makefiles'],
    '-DCMAKE_BUILD_TYPE=Release',
    `-DREVOXEL_RUNTIME=${runtime}`,
    `-DCMAKE_JS_INC=${includes.join(';')}`,
    `-DREVOXEL_CUDA_EMULATED=${options.emulated ? 'ON' : 'OFF'}`,
    `-DREVOXEL_CUDA_SANITIZE=${options.sanitize ? 'ON' : 'OFF'}`,
    `-DREVOXEL_CUDA_RELEASE=${options.release ? 'ON' : 'OFF'}`,
    // Always said: cmake would keep the choice of an earlier build.
    ...(options.emulated ? [] : [architectures]),
    ...(nvcc && !options.emulated ? [`-DCMAKE_CUDA_COMPILER=${nvcc}`] : []),
  ],
  { stdio: ['ignore', 'ignore', 'inherit'] },
);
if (configure.status !== 0) fail(`cmake exit ${configure.status ?? configure.signal}; delete ${work} and retry`);
const jobs = process.env.JOBS ?? String(availableParallelism());
const build = spawnSync('cmake', ['--build', work, '--parallel', jobs], { stdio: ['ignore', 'inherit', 'inherit'] });
if (build.status !== 0) fail(`compilation failed, exit ${build.status ?? build.signal}`);

mkdirSync(output, { recursive: true });
for (const file of ['revoxel_cuda.node', 'librevoxel_cuda_core.so']) copyFileSync(join(work, file), join(output, file));
console.log(`build:native: revoxel_cuda.node (${kind}) for Node-API 8, ${process.platform} ${process.arch}`);
