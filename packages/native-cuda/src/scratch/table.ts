/** The form of the scratch formulas: bytes of a call as a pure function of its query, the kernel chosen and the device. */

import type { KernelQuery } from '@revoxel/runtime';
import type { DeviceTraits } from '../device.js';

export type QueryOf<K extends KernelQuery['op']> = Extract<KernelQuery, { op: K }>;

/** Operations that are missing need no scratch. */
export type ScratchTable = {
  readonly [K in KernelQuery['op']]?: (query: QueryOf<K>, variant: number, device: DeviceTraits) => number;
};

/** Product of a list. */
export function product(list: readonly number[]): number {
  return list.reduce((p, n) => p * n, 1);
}
