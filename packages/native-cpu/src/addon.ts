/**
 * The compiled addon: its surface, typed by hand to match `native/napi`, and loading it with checks. Nothing is built
 * or downloaded here.
 */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { BackendUnavailableError, PLAN_VERSION, planSchema, type NativeSession } from '@revoxel/runtime';

/** Bump together with ABI in native/napi/addon.cc. */
const ABI = 2;

const FILE = fileURLToPath(new URL('../build/Release/revoxel_cpu.node', import.meta.url));
const REMEDY = 'run npx nx run-many -t build:native (needs g++ or clang, make and Python 3)';

/** Facts of the build and of this machine. */
export interface AddonInfo {
  readonly abi: number;
  readonly planVersion: number;
  readonly schemaHash: bigint;
  readonly compiler: string;
  /** `portable`, `avx2` or `avx512`: what the convolutions use on this CPU. */
  readonly isa: string;
  readonly processors: number;
  readonly physicalBytes: number;
  /** Version of oneDNN, if it was built in. */
  readonly onednn: string | null;
}

/** What the addon exports. */
export interface Addon {
  info(): AddonInfo;
  /**
   * Scratch of a convolution by oneDNN.
   * @param pass - 0 forward, 1 input gradient, 2 weight gradient.
   * @param shape - 22 numbers in the order of `ConvShape` in native/kernels/conv.h.
   * @param channels - input channels of every piece, or of the slice.
   * @param always - also where it is not the faster choice.
   * @returns floats, or -1 where oneDNN is not to be used.
   */
  onednnScratch(
    pass: number,
    shape: readonly number[],
    channels: readonly number[],
    threads: number,
    always: boolean,
  ): number;
  /** Bytes of memory held by all sessions of the process. */
  liveBytes(): number;
  readonly NativeSession: new (threads: number) => NativeSession;
}

let loaded: Addon | undefined;

/**
 * Load the addon.
 * @throws BackendUnavailableError with what is missing and the command that mends it.
 */
export function loadAddon(): Addon {
  if (loaded) return loaded;
  if (!existsSync(FILE)) throw new BackendUnavailableError('cpu', 'the native addon is not built', REMEDY);
  let addon: Addon;
  try {
    addon = quietly(() => createRequire(import.meta.url)(FILE) as Addon);
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new BackendUnavailableError('cpu', `the native addon cannot be loaded (${detail})`, REMEDY, { cause });
  }
  const { abi, planVersion, schemaHash } = addon.info();
  if (abi !== ABI || planVersion !== PLAN_VERSION || schemaHash !== planSchema().hash) {
    throw new BackendUnavailableError(
      'cpu',
      'the native addon was built from another version of these packages',
      REMEDY,
    );
  }
  loaded = addon;
  return addon;
}

/**
 * OpenMP reads its settings when its library is loaded: idle threads must sleep soon, so that they do not take the
 * processor from data loading between two kernels. What the user has set is left alone.
 */
function quietly<T>(load: () => T): T {
  const own = ['OMP_WAIT_POLICY', 'GOMP_SPINCOUNT'];
  // In worker threads process.env is a copy that the library never sees.
  if (!isMainThread || own.some((name) => process.env[name] !== undefined)) return load();
  process.env.OMP_WAIT_POLICY = 'passive';
  try {
    return load();
  } finally {
    delete process.env.OMP_WAIT_POLICY;
  }
}
