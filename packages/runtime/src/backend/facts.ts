/** Facts about the machine as Node tells them, for backends that run in JavaScript. */

import os from 'node:os';
import type { DeviceFacts } from './backend.js';

export function hostFacts(threads: number): DeviceFacts {
  return {
    device: os.cpus()[0]?.model.trim() ?? os.arch(),
    threads,
    memoryBytes: usableBytes(),
    details: { node: process.version, v8: process.versions.v8, platform: `${os.platform()}-${os.arch()}` },
  };
}

/** The machine's memory, or this process's limit (a container's, say) where that is smaller. */
function usableBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, os.totalmem()) : os.totalmem();
}
