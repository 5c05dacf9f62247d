/** Sessions of this package: the runtime's AddonSession over this addon. */

import { AddonSession, type Backend, type SessionOptions } from '@revoxel/runtime';
import type { Addon } from './addon.js';

export class CpuSession extends AddonSession {
  /** @internal sessions come from a backend */
  constructor(backend: Backend, addon: Addon, options: SessionOptions = {}) {
    super(backend, new addon.NativeSession(backend.profile.threads), options);
  }
}
