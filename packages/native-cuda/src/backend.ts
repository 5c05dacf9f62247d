/** The `cuda` backend, and its emulated twin for tests: is it there, which devices, and its sessions. */

import {
  ArgumentError,
  BackendUnavailableError,
  type Backend,
  type BackendProbe,
  type SessionOptions,
} from '@revoxel/runtime';
import { loadAddon, type Addon, type AddonProbe, type Build, type CudaDevice, type ExecuteOptions } from './addon.js';
import { traitsOf } from './device.js';
import { cudaProfile } from './profile.js';
import { CudaSession } from './session.js';

export interface CudaOptions extends ExecuteOptions {
  /** Index of the device, as nvidia-smi lists them; default 0. */
  readonly device?: number;
  /** The same kernels on the CPU, thread by thread: for tests, thousands of times slower. Default false. */
  readonly emulated?: boolean;
}

/** A backend whose sessions can tell how long each kernel took. */
export interface CudaBackend extends Backend {
  createSession(options?: SessionOptions): Promise<CudaSession>;
}

/** Oldest compute capability the kernels are built for. */
const OLDEST = 75;

function version(number: number): string {
  return number === 0 ? 'none' : `${Math.floor(number / 1000)}.${Math.floor((number % 1000) / 10)}`;
}

/** cuDNN is a yardstick and no requirement: a short word on it. */
function cudnnText(addon: Addon): string {
  const { version: number, path, usable } = addon.cudnn();
  if (number === 0) return 'not found (not needed)';
  const text = `${Math.floor(number / 10000)}.${Math.floor((number % 10000) / 100)}.${number % 100} (${path})`;
  return usable ? text : `${text}, 3D convolutions of this release are known to be wrong or slow and are not used`;
}

function factsOf(addon: Addon, found: AddonProbe): Record<string, string> {
  const [first] = found.devices;
  return {
    build: addon.info().build,
    driver: version(found.driver),
    cuDNN: cudnnText(addon),
    ...(first && { devices: found.devices.map((d) => `${d.index}: ${d.name} (sm_${d.major}${d.minor})`).join(', ') }),
  };
}

/** Whether the addon is built and loads here, and whether there is a device; never throws. */
export function probe(options: Pick<CudaOptions, 'emulated'> = {}): BackendProbe {
  try {
    const addon = loadAddon(options.emulated ? 'emulated' : 'cuda');
    const found = addon.probe();
    const facts = factsOf(addon, found);
    if (found.reason !== '') return { available: false, reason: found.reason, remedy: found.remedy, facts };
    const reasons = found.devices.map((device) => unfit(addon, device));
    if (reasons.every((reason) => reason !== undefined))
      return { available: false, reason: reasons[0]!, remedy: REBUILD, facts };
    return { available: true, facts };
  } catch (error) {
    if (error instanceof BackendUnavailableError)
      return { available: false, reason: error.reason, remedy: error.remedy, facts: {} };
    const reason = error instanceof Error ? error.message : String(error);
    return { available: false, reason, remedy: 'see the reason', facts: {} };
  }
}

/**
 * Whether a build has code for a compute capability. `90a-real` runs on 9.0 alone, `80-real` on 8.x from 8.0 on, and an entry
 * without `-real` brings PTX, which newer devices translate.
 * @param build - the addon's own words, such as `CUDA 13.0.88, 80-real,90a-real,120`.
 */
export function hasCodeFor(build: string, capability: number): boolean {
  const entries = [...(build.split(', ')[1] ?? '').matchAll(/(\d+)([af]?)(-real|-virtual)?/g)];
  return entries.some(([, number, only, kind]) => {
    const own = Number(number);
    if (only !== '') return own === capability;
    if (kind === '-real') return Math.floor(own / 10) === Math.floor(capability / 10) && own <= capability;
    return own <= capability;
  });
}

/** Why a device cannot be used with this build, or undefined. */
function unfit(addon: Addon, device: CudaDevice): string | undefined {
  const capability = device.major * 10 + device.minor;
  const name = `${device.name} has compute capability ${device.major}.${device.minor}`;
  if (capability < OLDEST) return `${name}, the kernels need ${OLDEST / 10}`;
  const { build } = addon.info();
  if (build !== 'emulated' && !hasCodeFor(build, capability)) return `${name}, this build is for ${build}`;
  return undefined;
}

const REBUILD = 'run npx revoxel-build-cuda (it builds for the GPUs it finds), or with --release for all';

function find(build: Build, addon: Addon, found: AddonProbe, index: number): CudaDevice {
  const name = build === 'cuda' ? 'cuda' : 'cuda-emulated';
  if (found.reason !== '') throw new BackendUnavailableError(name, found.reason, found.remedy);
  const device = found.devices.find((d) => d.index === index);
  if (!device) throw new ArgumentError('device', `0 to ${found.devices.length - 1}`, index);
  const reason = unfit(addon, device);
  if (reason !== undefined) throw new BackendUnavailableError(name, reason, REBUILD);
  return device;
}

/**
 * The CUDA backend.
 * @throws BackendUnavailableError if the addon is not built or there is no usable GPU, with what mends it; ArgumentError
 * for a device that is not there.
 * @example
 * const backend = await createBackend({ device: 0 });
 * const { y } = await evaluate(backend, { x: { data: new Float32Array([-1, 2]), shape: [2] } }, (g, { x }) => ({ y: relu(x) }));
 */
export async function createBackend(options: CudaOptions = {}): Promise<CudaBackend> {
  const { device: index = 0, emulated = false, graphs, profile, synchronous } = options;
  const build: Build = emulated ? 'emulated' : 'cuda';
  const addon = loadAddon(build);
  const found = addon.probe();
  const device = find(build, addon, found, index);
  const execute: ExecuteOptions = {
    ...(graphs !== undefined && { graphs }),
    ...(profile !== undefined && { profile }),
    synchronous: synchronous ?? process.env.REVOXEL_CUDA_SYNC === '1',
  };
  const backend: CudaBackend = {
    name: emulated ? 'cuda-emulated' : 'cuda',
    profile: cudaProfile(traitsOf(device)),
    facts: {
      device: device.name,
      threads: device.multiprocessors,
      memoryBytes: device.memoryBytes,
      details: factsOf(addon, found),
    },
    createSession: async (sessionOptions) => new CudaSession(backend, addon, index, execute, sessionOptions),
  };
  return backend;
}

/** Bytes of device memory that all sessions of this process hold: zero when every one is disposed. */
export function liveBytes(options: Pick<CudaOptions, 'emulated'> = {}): number {
  return loadAddon(options.emulated ? 'emulated' : 'cuda').liveBytes();
}
