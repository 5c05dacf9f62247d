/**
 * The compiled addon, real or emulated: its surface, typed by hand to match `native/napi`, and loading it with checks.
 * Looked for in this order: the platform package `@revoxel/native-cuda-<platform>`, then this package's own build.
 * Nothing is built or downloaded here.
 */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { BackendUnavailableError, PLAN_VERSION, planSchema, type NativeSession } from '@revoxel/runtime';

/** Bump together with ABI in native/napi/addon.cc. */
const ABI = 1;

/** `cuda`: on a GPU. `emulated`: the same kernels run on the CPU, for tests; slow. */
export type Build = 'cuda' | 'emulated';

const NAMES = { cuda: 'cuda', emulated: 'cuda-emulated' } as const;
const FOLDERS = { cuda: '../build/Release', emulated: '../build/Emulated' } as const;
const REMEDIES = {
  cuda: 'run npx revoxel-build-cuda (needs the CUDA toolkit 13, cmake and g++)',
  emulated: 'run npx revoxel-build-cuda --emulated (needs cmake and g++)',
} as const;

/** One GPU. */
export interface CudaDevice {
  readonly index: number;
  readonly name: string;
  /** Compute capability. */
  readonly major: number;
  readonly minor: number;
  readonly multiprocessors: number;
  readonly memoryBytes: number;
  /** Shared memory a block may use. */
  readonly sharedBytes: number;
  readonly l2Bytes: number;
}

/** What the addon found on this machine. */
export interface AddonProbe {
  /** Versions as 1000 major + 10 minor; 0: no driver. */
  readonly driver: number;
  readonly runtime: number;
  /** Empty when devices can be used, else what is wrong. */
  readonly reason: string;
  readonly remedy: string;
  readonly emulated: boolean;
  readonly devices: readonly CudaDevice[];
}

/** How plans are executed. */
export interface ExecuteOptions {
  /** Record a CUDA graph on the second run of a plan; default true. */
  readonly graphs?: boolean;
  /** Wait after every call and check, so that an error names its call; default false, or `REVOXEL_CUDA_SYNC=1`. */
  readonly synchronous?: boolean;
  /** Time every call (`session.timings`); no graphs then. */
  readonly profile?: boolean;
}

/** Knobs of the emulator, for tests. */
export interface Emulation {
  readonly order?: 'round-robin' | 'ascending' | 'descending' | 'random';
  readonly seed?: number;
  /** Bytes beyond what is allocated now; -1: no limit. */
  readonly memoryLimit?: number;
  /** The nth call from now on fails with `failCode`. */
  readonly failAfter?: number;
  readonly failCode?: number;
  /** Forget a sticky error, as a new process would. */
  readonly revive?: boolean;
}

/** What the addon exports. */
export interface Addon {
  info(): {
    readonly abi: number;
    readonly planVersion: number;
    readonly schemaHash: bigint;
    /** CUDA version and architectures, or `emulated`. */
    readonly build: string;
  };
  probe(): AddonProbe;
  /** The cuDNN library that was found at run time; none is needed. */
  cudnn(): { readonly version: number; readonly path: string; readonly usable: boolean; readonly reason: string };
  /** Bytes of device memory held by all sessions of the process. */
  liveBytes(): number;
  readonly NativeSession: new (device: number, options: ExecuteOptions) => NativeSession;
  readonly emulate?: (options: Emulation) => void;
  readonly emulatorStats?: () => Readonly<
    Record<'blocks' | 'mma' | 'ldmatrix' | 'bankConflicts' | 'graphLaunches', number>
  >;
}

const loaded = new Map<Build, Addon>();

/** Places where the addon may lie, best first. */
export function addonFiles(build: Build): readonly string[] {
  const own = fileURLToPath(new URL(`${FOLDERS[build]}/revoxel_cuda.node`, import.meta.url));
  // Another emulated build: sanitized, or with a planted fault.
  if (build === 'emulated') return [process.env.REVOXEL_CUDA_EMULATED_ADDON || own];
  const platform = `@revoxel/native-cuda-${process.platform}-${process.arch}-gnu/revoxel_cuda.node`;
  try {
    return [createRequire(import.meta.url).resolve(platform), own];
  } catch {
    return [own];
  }
}

/**
 * Load the addon. Works without a driver: `probe` then says what is missing.
 * @throws BackendUnavailableError with what is missing and the command that mends it.
 */
export function loadAddon(build: Build): Addon {
  const known = loaded.get(build);
  if (known) return known;
  const name = NAMES[build];
  const remedy = REMEDIES[build];
  const file = addonFiles(build).find((candidate) => existsSync(candidate));
  if (file === undefined) throw new BackendUnavailableError(name, 'the native addon is not built', remedy);
  let addon: Addon;
  try {
    addon = createRequire(import.meta.url)(file) as Addon;
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new BackendUnavailableError(name, `the native addon ${file} cannot be loaded (${detail})`, remedy, { cause });
  }
  const { abi, planVersion, schemaHash } = addon.info();
  if (abi !== ABI || planVersion !== PLAN_VERSION || schemaHash !== planSchema().hash) {
    const reason = `the native addon ${file} was built from another version of these packages`;
    throw new BackendUnavailableError(name, reason, remedy);
  }
  loaded.set(build, addon);
  return addon;
}
