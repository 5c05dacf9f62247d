/** What the compiler must know of this backend. Usable on machines without a GPU, without the addon, without CUDA. */

import type { BackendProfile } from '@revoxel/runtime';
import { DEFAULT_DEVICE, deviceByName, type DeviceTraits } from './device.js';
import { packedElements, variantOf } from './kernels.js';
import { scratchBytes } from './scratch/index.js';

/** Turing. */
const NO_BF16 = 'GPUs before Ampere (sm_80) have no bf16: use f16 (--precision f16)';

/**
 * The profile of CUDA sessions.
 * @param device - traits of the device that will run the plans, or its name in `DEVICES`.
 */
export function cudaProfile(device: DeviceTraits | string = DEFAULT_DEVICE): BackendProfile {
  const traits = typeof device === 'string' ? deviceByName(device) : device;
  const { capability, multiprocessors, sharedBytes, flopsPerSecond, bytesPerSecond } = traits;
  return {
    name: `cuda:sm_${capability}:${multiprocessors}:${sharedBytes >> 10}k`,
    alignment: 256,
    threads: multiprocessors,
    speed: { flopsPerSecond, bytesPerSecond },
    ...(capability < 80 && { refuses: { bf16: NO_BF16 } }),
    fusions: new Set(['normAct', 'normActGrad'] as const),
    packedElements: (query) => packedElements(query, traits),
    variant: (query) => variantOf(query, traits),
    scratchBytes: (query, variant) => scratchBytes(query, variant, traits),
  };
}
