/** `normApply` from the statistics that a norm stored gives the very bits of that norm: the memory pass relies on it. */

import { afterAll, describe, expect, it } from 'vitest';
import {
  compile,
  createReferenceBackend,
  createTypescriptBackend,
  isFixed,
  trace,
  type Backend,
  type DType,
  type HostArray,
  type OpName,
  type Session,
  type Shape,
} from '../../src/index.js';
import { testArray } from '../../src/testing/test-data.js';

const plain = createReferenceBackend();
const reference: Backend = { ...plain, profile: { ...plain.profile, fusions: new Set<OpName>(['normAct']) } };
const backends: readonly (readonly [string, Backend])[] = [
  ['reference', reference],
  ['typescript, 1 thread', createTypescriptBackend({ threads: 1 })],
  ['typescript, 2 threads', createTypescriptBackend({ threads: 2 })],
];

const modes = [
  ['group', 'group', 2],
  ['instance', 'group', 6],
  ['layer', 'group', 1],
  ['batch', 'batch', 6],
] as const;
const shapes: readonly Shape[] = [
  [2, 6, 3, 5, 7],
  [1, 6, 40, 150],
];
const types = ['f32', 'bf16', 'q16', 'q32'] as const;

describe.each(backends)('%s', (_name, backend) => {
  const session: Promise<Session> = backend.createSession();
  afterAll(async () => (await session).dispose());

  /** Results of both ways, as bytes. */
  async function both(op: 'norm' | 'normAct', dtype: DType, to: 'same' | 'f32' | 'bf16', shape: Shape, m: number) {
    const [, mode, groups] = modes[m]!;
    const slope = op === 'norm' ? 1 : 0.01;
    const graph = trace('both', (g) => {
      const x = g.input('x', shape, dtype);
      const [gamma, beta] = [g.input('gamma', [6]), g.input('beta', [6])];
      const exponent = isFixed(dtype) ? [g.input('exponent', [1])] : [];
      const [y, mean, rstd] =
        op === 'norm'
          ? g.emit('norm', [x, gamma, beta], { mode, groups, eps: 1e-5 })
          : g.emit('normAct', [x, gamma, beta, ...exponent], { mode, groups, eps: 1e-5, slope, to });
      const [again] = g.emit('normApply', [x, gamma, beta, mean!, rstd!, ...exponent], { mode, groups, slope, to });
      g.output('y', y!);
      g.output('again', again!);
    });
    const executable = await (await session).load(compile(graph, backend.profile));
    const words = { kind: 'integers', low: -32768, high: 32767 } as const;
    const inputs: Record<string, HostArray> = {
      x: testArray('x', shape, dtype, isFixed(dtype) ? words : { kind: 'uniform', low: -3, high: 5 }),
      gamma: testArray('gamma', [6], 'f32', { kind: 'uniform', low: -2, high: 2 }),
      beta: testArray('beta', [6], 'f32', { kind: 'uniform', low: -1, high: 1 }),
    };
    if (isFixed(dtype)) inputs.exponent = Float32Array.of(9);
    return executable.run(inputs);
  }

  const rows = types.flatMap((dtype) =>
    (isFixed(dtype) ? (['f32', 'bf16'] as const) : (['same'] as const)).flatMap((to) =>
      (isFixed(dtype) ? (['normAct'] as const) : (['norm', 'normAct'] as const)).map((op) => [op, dtype, to] as const),
    ),
  );
  it.each(rows)('%s of %s to %s', async (op, dtype, to) => {
    for (const shape of shapes) {
      for (let m = 0; m < modes.length; m++) {
        const { y, again } = await both(op, dtype, to, shape, m);
        expect(y!.some((v) => v !== 0)).toBe(true);
        const bytes = (a: HostArray): Buffer => Buffer.from(a.buffer, a.byteOffset, a.byteLength);
        expect(bytes(again!).equals(bytes(y!)), `${modes[m]![0]} of [${shape.join(', ')}]`).toBe(true);
      }
    }
  });
});
