/** Every case on the fast TypeScript backend: against the reference, and against PyTorch's golden values. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../src/backend/backend.js';
import { createReferenceBackend } from '../../src/backend/reference/backend.js';
import { createTypescriptBackend } from '../../src/backend/typescript/backend.js';
import { checkCase, formatFailures } from '../../src/testing/check-backend.js';
import { loadGolden, type Golden } from '../../src/testing/golden.js';
import { OP_CASES } from '../../src/testing/op-cases.js';

let golden: Golden;
let reference: Session;
let session: Session;
beforeAll(async () => {
  golden = await loadGolden();
  reference = await createReferenceBackend().createSession();
  session = await createTypescriptBackend({ threads: 2 }).createSession();
});
afterAll(() => {
  reference.dispose();
  session.dispose();
});

describe('typescript backend', () => {
  it.each(OP_CASES.map((c) => [c.name, c] as const))('%s', async (_name, c) => {
    expect(formatFailures(await checkCase(session, c, { reference, golden }))).toBe('');
  });
});
