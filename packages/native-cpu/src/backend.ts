/** The `cpu` backend: is it there, what does it run on, and its sessions. */

import { cpus, totalmem } from 'node:os';
import {
  ArgumentError,
  BackendUnavailableError,
  type Backend,
  type BackendProbe,
  type SessionOptions,
} from '@revoxel/runtime';
import { loadAddon, type Addon, type AddonInfo } from './addon.js';
import { convShape, PASS, pieceChannels } from './conv-shape.js';
import { cpuProfile, defaultThreads, type OnednnChoice } from './profile.js';
import { CpuSession } from './session.js';

export interface CpuOptions {
  /** Threads of every session; default `REVOXEL_THREADS`, else all processors. */
  readonly threads?: number;
  /** False: never oneDNN. `always`: wherever it can, for tests and benchmarks. Default: where it was measured faster. */
  readonly onednn?: boolean | 'always';
}

/** A backend whose sessions can tell how long each kernel took. */
export interface CpuBackend extends Backend {
  createSession(options?: SessionOptions): Promise<CpuSession>;
}

function detailsOf(info: AddonInfo): Record<string, string> {
  return {
    isa: info.isa,
    compiler: info.compiler,
    oneDNN: info.onednn ?? 'not built in',
  };
}

/** Whether the addon is built and loads here, and what it found; never throws. */
export function probe(): BackendProbe {
  try {
    return { available: true, facts: { threads: String(defaultThreads()), ...detailsOf(loadAddon().info()) } };
  } catch (error) {
    if (error instanceof BackendUnavailableError)
      return { available: false, reason: error.reason, remedy: error.remedy, facts: {} };
    return {
      available: false,
      reason: error instanceof Error ? error.message : String(error),
      remedy: 'see the reason',
      facts: {},
    };
  }
}

/** How plans for this machine choose oneDNN, or undefined where it is not built in or not wanted. */
function choiceOf(addon: Addon, wanted: boolean | 'always'): OnednnChoice | undefined {
  const { onednn } = addon.info();
  if (onednn === null || wanted === false) return undefined;
  const always = wanted === 'always';
  // A plan asks for the same call several times (form of weights, variant, scratch), and preparing one takes milliseconds.
  const known = new Map<string, number>();
  return {
    version: always ? `${onednn}!` : onednn,
    scratch(query, threads) {
      if (query.attrs.groups !== 1) return -1;
      const [pass, shape, channels] = [PASS[query.op], convShape(query), pieceChannels(query)];
      const key = [pass, threads, ...shape, ...channels].join();
      const before = known.get(key);
      if (before !== undefined) return before;
      const floats = addon.onednnScratch(pass, shape, channels, threads, always);
      known.set(key, floats);
      return floats;
    },
  };
}

/**
 * The native CPU backend.
 * @throws BackendUnavailableError if the addon is not built or does not fit, with the command that mends it.
 * @example
 * const backend = await createBackend();
 * const { y } = await evaluate(backend, { x: { data: new Float32Array([-1, 2]), shape: [2] } }, (g, { x }) => ({ y: relu(x) }));
 */
export async function createBackend(options: CpuOptions = {}): Promise<CpuBackend> {
  const { threads = defaultThreads(), onednn = true } = options;
  if (!Number.isInteger(threads) || threads < 1 || threads > 1024)
    throw new ArgumentError('threads', 'an integer in 1..1024', threads);
  const addon = loadAddon();
  const info = addon.info();
  const backend: CpuBackend = {
    name: 'cpu',
    profile: cpuProfile(threads, choiceOf(addon, onednn)),
    facts: {
      device: cpus()[0]?.model.trim() ?? process.arch,
      threads,
      memoryBytes: usableBytes(info.physicalBytes > 0 ? info.physicalBytes : totalmem()),
      details: detailsOf(info),
    },
    createSession: async (sessionOptions) => new CpuSession(backend, addon, sessionOptions),
  };
  return backend;
}

/** The machine's memory, or this process's limit (a container's, say) where that is smaller. */
function usableBytes(physical: number): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < physical ? limit : physical;
}

/**
 * Bytes of memory that all native CPU sessions of this process hold: zero when every one is disposed.
 * @throws BackendUnavailableError as `createBackend`.
 */
export function liveBytes(): number {
  return loadAddon().liveBytes();
}
