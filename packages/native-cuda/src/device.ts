/** What plans count on of a GPU, and the GPUs known by name: a plan for a server can be made on any machine. */

import { ArgumentError } from '@revoxel/runtime';
import type { CudaDevice } from './addon.js';

/** Facts of a device that decide which kernels a plan takes and how much scratch they get. */
export interface DeviceTraits {
  /** 10 major + minor: 90 for an H100. */
  readonly capability: number;
  readonly multiprocessors: number;
  /** Shared memory a block may use, bytes. */
  readonly sharedBytes: number;
  readonly memoryBytes: number;
  /** Nominal speed, by which memory choices are ranked. */
  readonly flopsPerSecond: number;
  readonly bytesPerSecond: number;
}

const GIB = 2 ** 30;
const KIB = 2 ** 10;

function traits(
  capability: number,
  multiprocessors: number,
  sharedKib: number,
  gib: number,
  tflops: number,
  terabytes: number,
): DeviceTraits {
  return {
    capability,
    multiprocessors,
    sharedBytes: sharedKib * KIB,
    memoryBytes: gib * GIB,
    flopsPerSecond: tflops * 1e12,
    bytesPerSecond: terabytes * 1e12,
  };
}

/**
 * Devices by name. Sizes are the vendor's; speeds are what libraries reach rather than peaks (bf16, fp16 on a T4) and
 * only rank memory choices.
 */
export const DEVICES: Readonly<Record<string, DeviceTraits>> = {
  'H100-80G': traits(90, 132, 227, 79, 400, 2.6),
  'H200-141G': traits(90, 132, 227, 139, 400, 3.9),
  'A100-40G': traits(80, 108, 163, 39, 180, 1.3),
  'A100-80G': traits(80, 108, 163, 79, 180, 1.6),
  'L40S-48G': traits(89, 142, 99, 44, 180, 0.7),
  'RTX4090-24G': traits(89, 128, 99, 23, 150, 0.8),
  'RTX3090-24G': traits(86, 82, 99, 23, 60, 0.75),
  'T4-16G': traits(75, 40, 64, 15, 25, 0.25),
};

/** The device that plans are made for when none is named and none is there. */
export const DEFAULT_DEVICE = 'H100-80G';

/** @throws ArgumentError for a name that is not in DEVICES */
export function deviceByName(name: string): DeviceTraits {
  const found = DEVICES[name];
  if (!found) throw new ArgumentError('device', `one of ${Object.keys(DEVICES).join(', ')}`, name);
  return found;
}

/** Traits of a device that is there; its speed is guessed from the nearest known one of its generation. */
export function traitsOf(device: CudaDevice): DeviceTraits {
  const capability = device.major * 10 + device.minor;
  const known = Object.values(DEVICES).filter((d) => d.capability <= capability);
  const like = known.sort((a, b) => b.capability - a.capability)[0] ?? DEVICES['T4-16G']!;
  const share = device.multiprocessors / like.multiprocessors;
  return {
    capability,
    multiprocessors: device.multiprocessors,
    sharedBytes: device.sharedBytes,
    memoryBytes: device.memoryBytes,
    flopsPerSecond: like.flopsPerSecond * share,
    bytesPerSecond: like.bytesPerSecond * share,
  };
}
