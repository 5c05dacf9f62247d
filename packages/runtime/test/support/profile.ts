import type { BackendProfile } from '../../src/backend/profile.js';
import type { OpName } from '../../src/ops/registry.js';

/** A backend profile for tests of the compiler alone. */
export function testProfile(change: Partial<BackendProfile> = {}): BackendProfile {
  return {
    name: 'test',
    alignment: 64,
    threads: 2,
    fusions: new Set<OpName>(),
    packedElements: () => 0,
    variant: () => 0,
    scratchBytes: () => 0,
    ...change,
  };
}
