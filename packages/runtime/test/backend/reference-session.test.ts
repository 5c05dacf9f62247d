/** Sessions of the reference: parameters, updates, derived results, aborts, errors. */

import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backend/reference/backend.js';
import { compile } from '../../src/compile.js';
import { trace } from '../../src/graph/builder.js';
import { evaluate } from '../../src/evaluate.js';
import { relu } from '../../src/ops/index.js';

const backend = createReferenceBackend();

describe('reference', () => {
  it('runs a small graph', async () => {
    const { y } = await evaluate(backend, { x: { data: new Float32Array([-1, 2, 3]), shape: [3] } }, (_, { x }) => ({ y: relu(x) }));
    expect([...y.data].map((v) => v + 0)).toEqual([0, 2, 3]);
  });
});
