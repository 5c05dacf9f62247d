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
    return { available: true, facts };
  } catch (error) {
    if (error instanceof BackendUnavailableError)
      return { available: false, reason: error.reason, remedy: error.remedy, facts: {} };
    const reason = error instanceof Error ? error.message : String(error);
    return { available: false, reason, remedy: 'see the reason', facts: {} };
  }
}

function find(build: Build, found: AddonProbe, index: number): CudaDevice {
  const name = build === 'cuda' ? 'cuda' : 'cuda-emulated';
  if (found.reason !== '') throw new BackendUnavailableError(name, found.reason, found.remedy);
  const device = found.devices.find((d) => d.index === index);
  if (!device) throw new ArgumentError('device', `0 to ${found.devices.length - 1}`, index);
  const capability = device.major * 10 + device.minor;
  if (capability < OLDEST) {
    const reason = `${device.name} has compute capability ${device.major}.${device.minor}, this build needs ${OLDEST / 10}`;
    throw new BackendUnavailableError(name, reason, 'use a Turing (2018) or newer GPU, or the cpu backend');
  }
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
  const device = find(build, found, index);
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
