/** Every gradient rule against central differences of its own forward pass, on the reference backend. */

import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backend/reference/backend.js';
import { checkGradient } from '../../src/testing/check-gradient.js';
import { OP_CASES } from '../../src/testing/op-cases.js';

const backend = createReferenceBackend();
const cases = OP_CASES.filter((c) => c.gradient?.length && !c.noDifferences);

describe('gradients equal central differences', () => {
  it.each(cases.map((c) => [c.name, c] as const))('%s', async (_name, c) => {
    expect(await checkGradient(backend, c)).toEqual([]);
  });
});
