/** Cases of crossEntropy and diceLoss, with their golden numbers from nnU-Net (docs/background.md lists the sources). */

import type { Shape } from '../../graph/shape.js';
import { add } from '../../ops/binary.js';
import { crossEntropy } from '../../ops/cross-entropy.js';
import { diceLoss, type DiceLossOptions } from '../../ops/dice-loss.js';
import { softmax } from '../../ops/softmax.js';
import type { InputSpec, OpCase } from '../op-case.js';

function labelsOf(shape: Shape, ignore?: number, classes = shape[1]!): InputSpec {
  return {
    shape: [shape[0]!, 1, ...shape.slice(2)],
    dtype: 'u8',
    values: { kind: 'labels', classes, ...(ignore === undefined ? {} : { ignore }) },
  };
}

const voxels = (shape: Shape): number => shape.reduce((a, b) => a * b, 1) / shape[1]!;

export const CROSS_ENTROPY_CASES: readonly OpCase[] = (
  [
    ['3d', [2, 3, 3, 4, 2], undefined],
    ['2d-17-classes', [1, 17, 4, 5], undefined],
    ['ignore', [2, 4, 3, 3, 2], 4],
    ['ignore-255', [1, 2, 5, 5], 255],
    ['ignore-a-class', [1, 3, 4, 4], 1],
    ['one-voxel', [1, 5, 1, 1, 1], undefined],
  ] as const
).map(([what, shape, ignore]): OpCase => ({
  op: 'crossEntropy',
  name: `crossEntropy/${what}`,
  inputs: { x: { shape, values: { kind: 'uniform', low: -3, high: 3 } }, labels: labelsOf(shape, ignore) },
  build: (_g, t) => ({ y: crossEntropy(t['x']!, t['labels']!, ignore === undefined ? {} : { ignore }) }),
  gradient: ['x'],
  sums: voxels(shape),
  gradientSums: shape[1],
  // Each voxel's share of the mean.
  term: 4 / voxels(shape),
  h: 0.05,
  golden: { fn: 'crossEntropy', args: { ignore: ignore ?? -1 } },
}));

export const CROSS_ENTROPY_CORNERS: readonly OpCase[] = [
  {
    op: 'crossEntropy',
    name: 'crossEntropy/nothing-counts',
    inputs: {
      x: { shape: [1, 3, 2, 2] },
      labels: { shape: [1, 1, 2, 2], dtype: 'u8', values: { kind: 'list', values: [9] } },
    },
    build: (_g, t) => ({ y: crossEntropy(t['x']!, t['labels']!, { ignore: 9 }) }),
    gradient: ['x'],
    golden: { fn: 'crossEntropy', args: { ignore: 9 } },
  },
  {
    op: 'crossEntropy',
    name: 'crossEntropy/label-outside',
    inputs: {
      x: { shape: [1, 3, 2, 2] },
      labels: { shape: [1, 1, 2, 2], dtype: 'u8', values: { kind: 'list', values: [0, 1, 7, 2] } },
    },
    build: (_g, t) => ({ y: crossEntropy(t['x']!, t['labels']!) }),
    nan: true,
    golden: { fn: 'crossEntropy', args: { ignore: -1 } },
  },
  {
    op: 'crossEntropy',
    name: 'crossEntropy/extreme-logits',
    inputs: {
      x: { shape: [1, 3, 2, 3], values: { kind: 'list', values: [500, -500, 90, 0, 3, -200, 1] } },
      labels: { shape: [1, 1, 2, 3], dtype: 'u8', values: { kind: 'list', values: [0, 1, 2] } },
    },
    build: (_g, t) => ({ y: crossEntropy(t['x']!, t['labels']!) }),
    term: 100,
    golden: { fn: 'crossEntropy', args: { ignore: -1 } },
  },
];

function diceCase(what: string, shape: Shape, options: DiceLossOptions): OpCase {
  const { batch = false, background = false, smooth = 1e-5, ignore = -1 } = options;
  return {
    op: 'diceLoss',
    name: `diceLoss/${what}`,
    inputs: {
      p: { shape, values: { kind: 'uniform', low: 0.02, high: 0.98 } },
      labels: labelsOf(shape, options.ignore),
    },
    build: (_g, t) => ({ y: diceLoss(t['p']!, t['labels']!, options) }),
    gradient: ['p'],
    sums: voxels(shape),
    gradientSums: voxels(shape),
    term: 2 / voxels(shape),
    golden: { fn: 'diceLoss', args: { batch, background, smooth, ignore } },
  };
}

export const DICE_CASES: readonly OpCase[] = [
  diceCase('per-sample', [2, 3, 3, 4, 2], {}),
  diceCase('batch', [2, 3, 3, 4, 2], { batch: true }),
  diceCase('background', [2, 5, 4, 5], { background: true }),
  diceCase('ignore-batch', [2, 4, 3, 3, 3], { ignore: 4, batch: true }),
  diceCase('ignore-a-class', [1, 3, 4, 5], { ignore: 2 }),
  diceCase('smooth1', [1, 2, 5, 5], { smooth: 1 }),
  diceCase('one-channel', [2, 1, 3, 4], { background: true }),
  {
    // Class 2 nowhere and its probability 0: the quotient is smooth / max(smooth, 1e-8).
    op: 'diceLoss',
    name: 'diceLoss/absent-class',
    inputs: {
      p: {
        shape: [1, 3, 2, 2],
        values: { kind: 'list', values: [0.5, 0.25, 0.75, 0.5, 0.5, 0.75, 0.25, 0.5, 0, 0, 0, 0] },
      },
      labels: { shape: [1, 1, 2, 2], dtype: 'u8', values: { kind: 'list', values: [0, 1] } },
    },
    build: (_g, t) => ({ y: diceLoss(t['p']!, t['labels']!) }),
    golden: { fn: 'diceLoss', args: { batch: false, background: false, smooth: 1e-5, ignore: -1 } },
  },
  {
    op: 'diceLoss',
    name: 'diceLoss/nnunet-compound',
    inputs: {
      x: { shape: [2, 3, 3, 4, 3], values: { kind: 'uniform', low: -2, high: 2 } },
      labels: labelsOf([2, 3, 3, 4, 3], 3),
    },
    build: (_g, t) => ({
      y: add(
        crossEntropy(t['x']!, t['labels']!, { ignore: 3 }),
        diceLoss(softmax(t['x']!), t['labels']!, { ignore: 3, batch: true }),
      ),
    }),
    gradient: ['x'],
    sums: 72,
    term: 1 / 18,
    h: 0.05,
    golden: { fn: 'nnunetLoss', args: { ignore: 3, batch: true } },
  },
];
