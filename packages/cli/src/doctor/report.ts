/** `revoxel doctor` as data: what was found, what is missing and the command that mends it. */

import os from 'node:os';
import { listBackends, type BackendListing } from '@revoxel/runtime';
import { gpu, instructionSets, memoryBytes, oneDnn, versionOf } from './machine.js';

export interface Finding {
  readonly name: string;
  /** ok: as it should be; missing: works without, but slower or with less; bad: does not work. */
  readonly status: 'ok' | 'missing' | 'bad';
  readonly text: string;
  /** Exact command or step, where there is something to do. */
  readonly remedy?: string;
}

export interface DoctorReport {
  readonly findings: readonly Finding[];
  readonly backends: readonly BackendListing[];
  /** The backend that `--backend auto` takes here. */
  readonly chosen: string;
}

/** Oldest Node that is supported. */
const NODE_FLOOR = [20, 19] as const;

/** Look at the machine. */
export async function diagnose(): Promise<DoctorReport> {
  const [gxx, clang, cmake, nvcc, sets, dnn, driver, memory, backends] = await Promise.all([
    versionOf('g++'),
    versionOf('clang++'),
    versionOf('cmake'),
    versionOf('nvcc'),
    instructionSets(),
    oneDnn(),
    gpu(),
    memoryBytes(),
    listBackends({ from: import.meta.url }),
  ]);
  const threads = Number(process.env.REVOXEL_THREADS) || os.availableParallelism();
  const findings: Finding[] = [
    nodeFinding(process.versions.node),
    gxx || clang
      ? { name: 'C++ compiler', status: 'ok', text: [gxx, clang].filter(Boolean).join('; ') }
      : {
          name: 'C++ compiler',
          status: 'missing',
          text: 'none found: the native CPU backend cannot be built',
          remedy: `${install('g++ make')}, then npx nx run-many -t build:native`,
        },
    dnn.headers && dnn.library
      ? { name: 'oneDNN', status: 'ok', text: `${dnn.headers}, ${dnn.library}` }
      : {
          name: 'oneDNN',
          status: 'missing',
          text: `${dnn.library ? 'library without headers' : 'not installed'}: own kernels are used; oneDNN would take over the convolutions where it is faster`,
          remedy: `${install('libdnnl-dev')}, then npx nx run-many -t build:native`,
        },
    cmake
      ? { name: 'CMake', status: 'ok', text: cmake }
      : { name: 'CMake', status: 'missing', text: 'none found (only GPU builds need it)', remedy: install('cmake') },
    nvcc
      ? { name: 'CUDA compiler', status: 'ok', text: nvcc }
      : { name: 'CUDA compiler', status: 'missing', text: 'none found (only GPU builds need it)' },
    {
      name: 'GPU',
      status: driver.found ? 'ok' : 'missing',
      text: driver.found ? driver.text : `${driver.text}: computations run on the CPU`,
    },
    { name: 'CPU', status: 'ok', text: `${os.cpus()[0]?.model.trim() ?? 'unknown'}, ${sets}` },
    {
      name: 'threads',
      status: 'ok',
      text: `${threads}${process.env.REVOXEL_THREADS ? ' (REVOXEL_THREADS)' : ` of ${os.cpus().length}`}`,
    },
    { name: 'memory', status: 'ok', text: `${gib(memory.available)} free of ${gib(memory.total)}` },
  ];
  const wanted = process.env.REVOXEL_BACKEND;
  const chosen =
    wanted && wanted !== 'auto'
      ? wanted
      : (backends.find((b) => b.available && b.name !== 'reference')?.name ?? 'typescript');
  return { findings, backends, chosen };
}

/** @internal exported for tests */
export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const old = major < NODE_FLOOR[0] || (major === NODE_FLOOR[0] && minor < NODE_FLOOR[1]);
  return old
    ? {
        name: 'Node.js',
        status: 'bad',
        text: `${version} is too old`,
        remedy: `install Node.js >= ${NODE_FLOOR.join('.')}`,
      }
    : { name: 'Node.js', status: 'ok', text: version };
}

function install(packages: string): string {
  return os.platform() === 'darwin'
    ? `brew install ${packages.replace('libdnnl-dev', 'onednn').replace('g++ make', 'gcc')}`
    : `apt-get install ${packages}`;
}

function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
