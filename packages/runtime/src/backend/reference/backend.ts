/**
 * The `reference` backend: naive kernels on the calling thread, the oracle for all others. It offers no fusion and no
 * packed weights, so that what it runs is what was traced.
 */

import { AbortedError } from '../../errors.js';
import type { Plan } from '../../plan/plan.js';
import type { Backend, SessionOptions } from '../backend.js';
import { bindCall, scratchWithDecoding } from '../executor/bind.js';
import { HostSession } from '../executor/host-session.js';
import { kernelError } from '../executor/kernel-error.js';
import { hostFacts } from '../facts.js';
import type { BackendProfile } from '../profile.js';
import { REFERENCE_KERNELS } from './registry.js';

/** For plans to be run by the reference. */
export const referenceProfile: BackendProfile = {
  name: 'reference',
  alignment: 64,
  threads: 1,
  fusions: new Set(),
  packedElements: () => 0,
  variant: () => 0,
  scratchBytes: (query) => scratchWithDecoding(query, 0),
};

/** Longest time between two chances for other work and for an abort, in ms. */
const SLICE = 10;

class ReferenceSession extends HostSession {
  constructor(backend: Backend, options: SessionOptions | undefined) {
    super(backend, options, (bytes) => new ArrayBuffer(bytes));
  }

  protected bind(plan: Plan, offsets: readonly number[]) {
    return async (refresh: readonly number[], signal: AbortSignal | undefined): Promise<void> => {
      const map = this.host.map();
      let last = performance.now();
      for (const call of [...refresh.map((i) => plan.derived[i]!.call), ...plan.calls]) {
        if (performance.now() - last > SLICE) {
          await new Promise((resolve) => setImmediate(resolve));
          last = performance.now();
        }
        if (signal?.aborted) throw new AbortedError({ cause: signal.reason });
        try {
          for (const phase of bindCall(call, plan, offsets, map, REFERENCE_KERNELS, 0, 1)) phase.run?.();
        } catch (cause) {
          throw kernelError(call, cause);
        }
      }
    };
  }
}

/** The naive backend. */
export function createReferenceBackend(): Backend {
  const backend: Backend = {
    name: 'reference',
    profile: referenceProfile,
    facts: hostFacts(1),
    createSession: (options) => Promise.resolve().then(() => new ReferenceSession(backend, options)),
  };
  return backend;
}
