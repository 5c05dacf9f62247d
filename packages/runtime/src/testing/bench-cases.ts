/**
 * Cases at the sizes of a 3D U-Net, for benchmarks: the form of the case table, and a way to time one on any backend.
 * Not checked against anything; `op-cases.ts` holds the cases that are.
 */

import type { Session } from '../backend/backend.js';
import { compile } from '../compile.js';
import { gradients } from '../autodiff/gradients.js';
import { trace } from '../graph/builder.js';
import { isFloat } from '../graph/dtype.js';
import type { Graph } from '../graph/graph.js';
import { ZEROS } from '../graph/initializer.js';
import { elementCount, type Shape } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import { add } from '../ops/binary.js';
import { conv } from '../ops/conv.js';
import { convTranspose } from '../ops/conv-transpose.js';
import { crossEntropy } from '../ops/cross-entropy.js';
import { diceLoss } from '../ops/dice-loss.js';
import { instanceNorm } from '../ops/norm.js';
import { maxPool } from '../ops/pool.js';
import { sum } from '../ops/reduce.js';
import { resize } from '../ops/resize.js';
import { softmax } from '../ops/softmax.js';
import { sumSquares } from '../ops/sum-squares.js';
import { leakyRelu } from '../ops/unary.js';
import type { InputSpec, OpCase } from './op-case.js';
import { testArray, type Distribution } from './test-data.js';

function convBench(ci: number, co: number, size: number, stride = 1, kernel = 3): OpCase {
  return {
    op: 'conv',
    name: `conv/${ci}to${co}-k${kernel}-s${stride}-${size}cubed`,
    inputs: {
      x: { shape: [1, ci, size, size, size] },
      w: { shape: [co, ci, kernel, kernel, kernel], role: 'parameter' },
    },
    build: (_g, t) => ({ y: conv(t['x']!, t['w']!, undefined, { stride, padding: (kernel - 1) / 2 }) }),
    gradient: ['x', 'w'],
  };
}

function plainBench(op: OpCase['op'], what: string, shape: Shape, build: (x: Tensor) => Tensor): OpCase {
  return {
    op,
    name: `${op}/${what}-${shape.join('x')}`,
    inputs: { x: { shape } },
    build: (_g, t) => ({ y: build(t['x']!) }),
    gradient: ['x'],
  };
}

const UNIFORM: Distribution = { kind: 'uniform', low: -1, high: 1 };
const LABELS: InputSpec = { shape: [1, 1, 48, 48, 48], dtype: 'u8', values: { kind: 'labels', classes: 3 } };

/** What a step of a U-Net spends its time on. */
export const BENCH_CASES: readonly OpCase[] = [
  convBench(1, 16, 48),
  convBench(16, 16, 48),
  convBench(16, 32, 48, 2),
  convBench(32, 32, 24),
  convBench(128, 128, 12),
  convBench(32, 3, 48, 1, 1),
  {
    op: 'convTranspose',
    name: 'convTranspose/32to16-k2-s2-24cubed',
    inputs: { x: { shape: [1, 32, 24, 24, 24] }, w: { shape: [32, 16, 2, 2, 2], role: 'parameter' } },
    build: (_g, t) => ({ y: convTranspose(t['x']!, t['w']!, undefined, { stride: 2 }) }),
    gradient: ['x', 'w'],
  },
  {
    op: 'norm',
    name: 'norm/instance-then-leaky-relu-32x48cubed',
    inputs: {
      x: { shape: [1, 32, 48, 48, 48] },
      gamma: { shape: [32], role: 'parameter' },
      beta: { shape: [32], role: 'parameter' },
    },
    build: (_g, t) => ({ y: leakyRelu(instanceNorm(t['x']!, t['gamma']!, t['beta']!)) }),
    gradient: ['x', 'gamma', 'beta'],
  },
  plainBench('unary', 'leaky-relu', [1, 32, 48, 48, 48], (x) => leakyRelu(x)),
  plainBench('binary', 'add', [1, 32, 48, 48, 48], (x) => add(x, leakyRelu(x))),
  plainBench('softmax', '3-classes', [1, 3, 48, 48, 48], softmax),
  plainBench('pool', 'max-2', [1, 32, 48, 48, 48], (x) => maxPool(x, 2)),
  plainBench('resize', 'linear-double', [1, 32, 24, 24, 24], (x) => resize(x, [48, 48, 48])),
  {
    op: 'crossEntropy',
    name: 'crossEntropy/3-classes-48cubed',
    inputs: { x: { shape: [1, 3, 48, 48, 48] }, labels: LABELS },
    build: (_g, t) => ({ y: crossEntropy(t['x']!, t['labels']!) }),
    gradient: ['x'],
  },
  {
    op: 'diceLoss',
    name: 'diceLoss/3-classes-48cubed',
    inputs: { p: { shape: [1, 3, 48, 48, 48], values: { kind: 'uniform', low: 0, high: 1 } }, labels: LABELS },
    build: (_g, t) => ({ y: diceLoss(t['p']!, t['labels']!) }),
    gradient: ['p'],
  },
];

/** Time of a case on a backend. */
export interface Measurement {
  readonly name: string;
  readonly pass: 'forward' | 'forward and backward';
  /** Median of the runs. */
  readonly seconds: number;
  readonly runs: number;
  /** Work per second by the plan's own count (2 FLOPs per multiply-add). */
  readonly gflopsPerSecond: number;
  /** Every operand of every kernel once; caches make more than the memory's speed possible. */
  readonly gigabytesPerSecond: number;
}

/**
 * Time a case. Operands lie in the session beforehand and results are reduced to one number there, so that no time goes
 * into copying from and to the host; the reduction is part of the work that is counted.
 * @param seconds - time to spend, at least three runs; default 1.
 */
export async function measureCase(
  session: Session,
  c: OpCase,
  pass: Measurement['pass'] = 'forward',
  seconds = 1,
): Promise<Measurement> {
  const plan = compile(benchGraph(c, pass), session.backend.profile);
  const executable = await session.load(plan);
  for (const [name, { shape, dtype = 'f32', values = UNIFORM }] of Object.entries(c.inputs)) {
    await session.write(`${c.name}/${name}`, testArray(`${c.name}/${name}`, shape, dtype, values));
  }
  await executable.run({});
  const times: number[] = [];
  for (const end = performance.now() + seconds * 1000; times.length < 3 || performance.now() < end;) {
    const begin = performance.now();
    await executable.run({});
    times.push((performance.now() - begin) / 1000);
  }
  const median = times.sort((a, b) => a - b)[times.length >> 1]!;
  return {
    name: c.name,
    pass,
    seconds: median,
    runs: times.length,
    gflopsPerSecond: plan.flops / median / 1e9,
    gigabytesPerSecond: plan.bytesMoved / median / 1e9,
  };
}

function benchGraph(c: OpCase, pass: Measurement['pass']): Graph {
  return trace(c.name, (g) => {
    const tensors = Object.fromEntries(
      Object.entries(c.inputs).map(([name, s]) => {
        const full = `${c.name}/${name}`;
        return [
          name,
          s.role === 'parameter'
            ? g.parameter(full, s.shape, ZEROS)
            : g.state(full, s.shape, ZEROS, 'buffer', s.dtype ?? 'f32'),
        ];
      }),
    );
    const outputs = Object.values(c.build(g, tensors)).filter((t) => isFloat(t.dtype));
    const loss = outputs.map((t) => (elementCount(t.shape) === 1 ? t : sum(t))).reduce((a, b) => add(a, b));
    g.output('result', loss);
    if (pass === 'forward') return;
    const grads = gradients(
      loss,
      (c.gradient ?? []).map((name) => tensors[name]!),
    );
    g.output('gradient', sumSquares(grads));
  });
}
