/** Sessions of this package: the runtime's AddonSession over this addon. */

import { AddonSession, type Backend, type SessionOptions } from '@revoxel/runtime';
import type { Addon, ExecuteOptions } from './addon.js';

const OUT_OF_MEMORY =
  'use --memory invert or recompute (reversible networks: --stream q16), a smaller patch or batch, or another device; `revoxel plan` says what each needs';

export class CudaSession extends AddonSession {
  /** @internal sessions come from a backend */
  constructor(backend: Backend, addon: Addon, device: number, execute: ExecuteOptions, options: SessionOptions = {}) {
    super(backend, new addon.NativeSession(device, execute), options, OUT_OF_MEMORY);
  }
}
