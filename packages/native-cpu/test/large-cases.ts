/**
 * Cases beyond the shared table: tensors large enough that every parallel path splits its work, channel counts around
 * the edges of vectors and blocks, and seeded random shapes. Same form as the shared table; not a test itself.
 */

import {
  adamwUpdate,
  add,
  avgPool,
  binary,
  broadcastTo,
  cast,
  concat,
  conv,
  convTranspose,
  crossEntropy,
  diceLoss,
  argmax,
  dropout,
  groupNorm,
  instanceNorm,
  leakyRelu,
  matmul,
  maxPool,
  mean,
  mul,
  pad,
  permute,
  reshape,
  resize,
  scale,
  sgdUpdate,
  slice,
  softmax,
  sum,
  sumSquares,
  unary,
  type UnaryKind,
} from '@revoxel/runtime';
import { testWords, type OpCase } from '@revoxel/runtime/testing';
import { LARGE_STREAM_CASES } from './large-stream-cases.js';

const IMAGE = [2, 12, 9, 14, 11];

/** Every operation on tensors of some ten thousand elements. */
export const LARGE_CASES: readonly OpCase[] = [
  ...(['leakyRelu', 'sigmoid', 'tanh', 'gelu', 'exp', 'square', 'abs'] as const).map((kind: UnaryKind): OpCase => ({
    op: 'unary',
    name: `large/unary-${kind}`,
    inputs: { x: { shape: IMAGE, values: { kind: 'awayFromZero', gap: 0.05, high: 3 } } },
    build: (_g, { x }) => ({ y: unary(kind, x!, 0.01) }),
    gradient: ['x'],
    bf16: ['x'],
    term: 20,
  })),
  {
    op: 'binary',
    name: 'large/binary-broadcast',
    inputs: { a: { shape: IMAGE }, b: { shape: [1, 12, 1, 1, 1] }, c: { shape: [2, 1, 9, 14, 11] }, d: { shape: [] } },
    build: (_g, { a, b, c, d }) => ({ y: binary('max', mul(add(a!, b!), c!), d!) }),
    bf16: ['a', 'b', 'c', 'd'],
    sums: 4,
  },
  {
    op: 'scale',
    name: 'large/scale',
    inputs: { x: { shape: [40001] } },
    build: (_g, { x }) => ({ y: scale(x!, 1.5, -0.25) }),
    bf16: ['x'],
    sums: 2,
  },
  {
    op: 'reduce',
    name: 'large/reduce',
    inputs: { x: { shape: IMAGE } },
    build: (_g, { x }) => ({
      all: sum(x!),
      channels: sum(x!, { axes: [0, 2, 3, 4] }),
      pooled: mean(x!, { axes: [2, 3, 4], keepDims: true }),
      planes: sum(x!, { axes: [1], keepDims: true }),
      odd: sum(x!, { axes: [0, 3] }),
    }),
    gradient: ['x'],
    sums: 33264,
  },
  {
    op: 'reduce',
    name: 'large/reduce-few-channels',
    inputs: { x: { shape: [1, 3, 100, 101] }, wide: { shape: [3, 5000] } },
    build: (_g, { x, wide }) => ({
      a: sum(x!, { axes: [0, 2, 3] }),
      b: mean(wide!, { axes: [0] }),
      c: sum(wide!, { axes: [1] }),
    }),
    bf16: ['x', 'wide'],
    sums: 10100,
  },
  {
    op: 'broadcast',
    name: 'large/broadcast',
    inputs: { x: { shape: [1, 7, 1, 30, 1] } },
    build: (_g, { x }) => ({ y: broadcastTo(x!, [2, 7, 5, 30, 20]) }),
    gradient: ['x'],
    sums: 0,
    gradientSums: 200,
  },
  ...[1, 3, 5, 12, 16, 17, 24, 40, 130].map((c): OpCase => ({
    op: 'norm',
    name: `large/instance-norm-${c}`,
    inputs: {
      x: { shape: [2, c, 7, 13, 11], values: { kind: 'uniform', low: 2, high: 5 } },
      gamma: { shape: [c] },
      beta: { shape: [c] },
    },
    build: (_g, { x, gamma, beta }) => ({ y: leakyRelu(instanceNorm(x!, gamma!, beta!), 0.01) }),
    gradient: ['x', 'gamma', 'beta'],
    bf16: ['x'],
    // Two sums over the voxels of a channel, and the division by the standard deviation of about 0.9.
    sums: 1001,
    term: 4,
  })),
  {
    op: 'norm',
    name: 'large/group-norm',
    inputs: { x: { shape: [2, 24, 6, 13, 11] }, gamma: { shape: [24] }, beta: { shape: [24] } },
    build: (_g, { x, gamma, beta }) => ({ y: groupNorm(x!, gamma!, beta!, 4) }),
    gradient: ['x', 'gamma', 'beta'],
    sums: 5148,
    term: 4,
  },
  {
    op: 'softmax',
    name: 'large/softmax',
    inputs: {
      x: { shape: [2, 5, 60, 41], values: { kind: 'uniform', low: -6, high: 6 } },
      long: { shape: [9, 2500], values: { kind: 'uniform', low: -3, high: 3 } },
    },
    build: (_g, { x, long }) => ({ y: softmax(x!), z: softmax(long!) }),
    gradient: ['x', 'long'],
    bf16: ['x', 'long'],
    sums: 2500,
  },
  {
    op: 'crossEntropy',
    name: 'large/losses',
    inputs: {
      x: { shape: [2, 4, 30, 71], values: { kind: 'uniform', low: -4, high: 4 } },
      labels: { shape: [2, 1, 30, 71], dtype: 'u8', values: { kind: 'labels', classes: 4, ignore: 255 } },
    },
    build: (_g, { x, labels }) => ({
      ce: crossEntropy(x!, labels!, { ignore: 255 }),
      dice: diceLoss(softmax(x!), labels!, { ignore: 255 }),
      batch: diceLoss(softmax(x!), labels!, { ignore: 255, batch: true, background: true }),
    }),
    gradient: ['x'],
    sums: 4260,
  },
  {
    op: 'argmax',
    name: 'large/argmax',
    inputs: { x: { shape: [2, 5, 60, 41] } },
    build: (_g, { x }) => ({ y: argmax(x!) }),
    sums: 0,
  },
  {
    op: 'pool',
    name: 'large/pool',
    inputs: { x: { shape: [2, 9, 13, 15, 14], values: { kind: 'distinct', spacing: 0.125 } } },
    build: (_g, { x }) => ({
      a: maxPool(x!, 2),
      b: maxPool(x!, 3, { stride: 2, padding: 1 }),
      c: avgPool(x!, 2),
      d: avgPool(x!, 3, { stride: [1, 2, 2], padding: 1, countPadding: false }),
    }),
    gradient: ['x'],
    sums: 27,
    term: 2000,
    gradientSums: 40,
  },
  // One result each: gradients of several would be rounded to bf16 one by one, and may cancel.
  ...(
    [
      ['up', [2, 5, 9, 12, 10], [18, 17, 23], 'linear'],
      ['mixed', [2, 5, 9, 12, 10], [5, 24, 10], 'linear'],
      ['flat', [1, 3, 60, 33], [45, 70], 'linear'],
      ['nearest', [2, 5, 9, 12, 10], [12, 5, 21], 'nearest'],
    ] as const
  ).map(([name, shape, size, mode]): OpCase => ({
    op: 'resize',
    name: `large/resize-${name}`,
    inputs: { x: { shape } },
    build: (_g, { x }) => ({ y: resize(x!, size, mode) }),
    gradient: ['x'],
    bf16: ['x'],
    sums: mode === 'nearest' ? 0 : 8,
    gradientSums: 64,
  })),
  {
    op: 'concat',
    name: 'large/movement',
    inputs: { a: { shape: IMAGE }, b: { shape: [2, 5, 9, 14, 11] } },
    build: (_g, { a, b }) => {
      const joined = concat([a!, b!], 1);
      return {
        joined,
        cut: slice(joined, [0, 3, 1, 2, 0], [2, 11, 7, 10, 11]),
        padded: pad(b!, [0, 1, 0, 2, 3], [1, 0, 2, 0, 1], -2.5),
        turned: permute(joined, [0, 2, 4, 1, 3]),
        deep: concat([a!, a!], 2),
        flat: reshape(a!, [24, 9 * 14 * 11]),
        other: reshape(a!, [4, 9, 14, 66]),
      };
    },
    gradient: ['a', 'b'],
    bf16: ['a', 'b'],
    sums: 0,
    gradientSums: 10,
  },
  {
    op: 'cast',
    name: 'large/cast',
    inputs: { x: { shape: [50001], values: { kind: 'uniform', low: -300, high: 300 } } },
    build: (_g, { x }) => ({
      bf16: cast(x!, 'bf16'),
      u8: cast(x!, 'u8'),
      q16: cast(x!, 'q16'),
      i32: cast(cast(x!, 'i32'), 'f32'),
    }),
    sums: 0,
  },
  {
    op: 'dropout',
    name: 'large/dropout',
    inputs: { x: { shape: [1, 7, 61, 83] } },
    build: (_g, { x }) => ({ y: dropout(x!, 0.3) }),
    steps: [{ seed: 77, step: 12345 }],
    gradient: ['x'],
    sums: 2,
  },
  {
    op: 'sumSquares',
    name: 'large/sum-squares',
    inputs: { a: { shape: [30001] }, b: { shape: [] }, c: { shape: [2, 3, 40, 50] } },
    build: (_g, { a, b, c }) => ({ y: sumSquares([a!, b!, c!]) }),
    sums: 42002,
  },
  {
    op: 'matmul',
    name: 'large/matmul',
    inputs: { a: { shape: [67, 90] }, b: { shape: [90, 301] }, bt: { shape: [301, 90] }, at: { shape: [90, 67] } },
    build: (_g, { a, b, at, bt }) => ({
      nn: matmul(a!, b!),
      tn: matmul(at!, b!, { transposeA: true }),
      nt: matmul(a!, bt!, { transposeB: true }),
      tt: matmul(at!, bt!, { transposeA: true, transposeB: true }),
    }),
    gradient: ['a', 'b'],
    bf16: ['a', 'b', 'at', 'bt'],
    sums: 90,
    gradientSums: 602,
  },
  {
    op: 'sgdUpdate',
    name: 'large/sgd',
    inputs: { w: { shape: [30001], role: 'state' }, m: { shape: [30001], role: 'state' }, g: { shape: [30001] } },
    build: (graph, { w, m, g }) => {
      sgdUpdate(w!, g!, m!, graph.step('lr'), graph.step('factor'), {
        momentum: 0.99,
        weightDecay: 3e-5,
        nesterov: true,
      });
      return {};
    },
    steps: [
      { lr: 0.01, factor: 1 },
      { lr: 0.005, factor: 0.5 },
    ],
    sums: 8,
  },
  {
    op: 'adamwUpdate',
    name: 'large/adamw',
    inputs: {
      w: { shape: [30001], role: 'state' },
      m: { shape: [30001], role: 'state', values: { kind: 'list', values: [0] } },
      v: { shape: [30001], role: 'state', values: { kind: 'list', values: [0] } },
      g: { shape: [30001] },
    },
    build: (graph, { w, m, v, g }) => {
      adamwUpdate(w!, g!, m!, v!, graph.step('lr'), graph.step('factor'), graph.step('step', 'u32'), {
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
        weightDecay: 0.01,
      });
      return {};
    },
    steps: [
      { lr: 0.01, factor: 1, step: 0 },
      { lr: 0.01, factor: 1, step: 1 },
    ],
    sums: 12,
  },
  ...LARGE_STREAM_CASES,
  ...randomConvolutions(14),
];

/** Convolutions and their transposes with seeded random sizes; some of them large, all of them legal. */
function randomConvolutions(count: number): OpCase[] {
  return Array.from({ length: count }, (_, i): OpCase => {
    const words = testWords(`native-cpu/conv-${i}`, 24);
    let next = 0;
    const draw = (low: number, high: number): number => low + (words[next++]! % (high - low + 1));
    const rank = draw(2, 3);
    const groups = draw(0, 3) === 0 ? draw(2, 3) : 1;
    const [ci, co] = [draw(1, 20) * groups, draw(1, 20) * groups];
    const kernel = Array.from({ length: rank }, () => draw(1, 3));
    const stride = Array.from({ length: rank }, () => draw(1, 2));
    const dilation = kernel.map((k) => (k > 1 ? draw(1, 2) : 1));
    const padding = kernel.map((k) => draw(0, k - 1));
    const size = kernel.map((k, axis) => (k - 1) * dilation[axis]! + 1 + draw(2, rank === 2 ? 20 : 7));
    const pieces = groups === 1 && ci > 1 && draw(0, 1) === 1 ? [ci - (ci >> 1), ci >> 1] : [ci];
    const n = draw(1, 2);
    const sums = (ci / groups) * kernel.reduce((p, k) => p * k, 1);
    const voxels = n * size.reduce((p, s) => p * s, 1);
    if (draw(0, 2) === 0) {
      return {
        op: 'convTranspose',
        name: `large/conv-transpose-${i}`,
        inputs: {
          x: { shape: [n, ci, ...size] },
          w: { shape: [ci, co / groups, ...kernel], role: 'parameter' },
          bias: { shape: [co], role: 'parameter' },
        },
        build: (_g, { x, w, bias }) => ({
          y: convTranspose(x!, w!, bias!, {
            stride,
            dilation,
            groups,
            padding: padding.map((p, axis) => Math.min(p, size[axis]! - 1)),
          }),
        }),
        gradient: ['x', 'w', 'bias'],
        sums: sums + 1,
        gradientSums: Math.max(voxels * 8, (co / groups) * 27),
      };
    }
    const names = pieces.map((_p, k) => `x${k}`);
    return {
      op: 'conv',
      name: `large/conv-${i}`,
      inputs: {
        ...Object.fromEntries(pieces.map((c, k) => [names[k]!, { shape: [n, c, ...size] }])),
        w: { shape: [co, ci / groups, ...kernel], role: 'parameter' as const },
        bias: { shape: [co], role: 'parameter' as const },
      },
      build: (_g, t) => ({
        y: conv(
          names.map((name) => t[name]!),
          t['w']!,
          t['bias']!,
          { stride, dilation, groups, padding },
        ),
      }),
      gradient: [...names, 'w', 'bias'],
      bf16: names,
      sums: sums + 1,
      gradientSums: Math.max(voxels, (co / groups) * 27),
    };
  });
}
