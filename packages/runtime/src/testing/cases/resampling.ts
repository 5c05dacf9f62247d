/** Cases of split, squeeze, invertible resampling and the orthogonal matrices it uses. */

import type { FixedDType } from '../../graph/dtype.js';
import { elementCount, type Shape } from '../../graph/shape.js';
import { dequantize } from '../../ops/dequantize.js';
import { START_EXPONENT } from '../../ops/fixed-point.js';
import { orthogonal, ORTHOGONAL_KINDS, type OrthogonalKind } from '../../ops/orthogonal.js';
import { quantize } from '../../ops/quantize.js';
import { resample } from '../../ops/resample.js';
import { split } from '../../ops/split.js';
import { squeeze, unsqueeze, type SqueezeOrder } from '../../ops/squeeze.js';
import type { InputSpec, OpCase } from '../op-case.js';
import type { Distribution } from '../test-data.js';

const TYPES = ['q16', 'q32'] as const;
const ORDERS = ['offsetMajor', 'channelMajor'] as const;
const FULL: Readonly<Record<FixedDType, Distribution>> = {
  q16: { kind: 'integers', low: -(2 ** 15), high: 2 ** 15 - 1 },
  q32: { kind: 'integers', low: -(2 ** 31), high: 2 ** 31 - 1 },
};
/** Small enough that rotations do not wrap around. */
const SMALL: Distribution = { kind: 'integers', low: -3000, high: 3000 };
const ANGLES: Distribution = { kind: 'uniform', low: -1.5, high: 1.5 };

function exponentOf(dtype: FixedDType): InputSpec {
  return { shape: [1], values: { kind: 'list', values: [START_EXPONENT[dtype]] } };
}

function splitCase(what: string, x: InputSpec, sizes: readonly number[], loss?: readonly string[]): OpCase {
  const float = x.dtype === undefined;
  return {
    op: 'split',
    name: `split/${what}`,
    inputs: { x },
    build: (_g, t) => Object.fromEntries(split(t['x']!, sizes).map((y, i) => [`y${i}`, y])),
    ...(float ? { gradient: ['x'], bf16: ['x'] } : {}),
    ...(loss ? { loss } : {}),
    sums: 0,
    golden: { fn: 'split', args: { sizes } },
  };
}

export const SPLIT_CASES: readonly OpCase[] = [
  splitCase('halves-3d', { shape: [2, 6, 2, 3, 4] }, [3, 3]),
  splitCase('odd-3d', { shape: [1, 17, 3, 2, 3] }, [5, 1, 11]),
  splitCase('one-unused-2d', { shape: [2, 7, 3, 5] }, [2, 4, 1], ['y0', 'y2']),
  splitCase('one-piece', { shape: [2, 3, 4, 3] }, [3]),
  splitCase('rank2', { shape: [5, 7] }, [4, 3]),
  ...TYPES.map((dtype) => splitCase(dtype, { shape: [2, 7, 3, 2, 3], dtype, values: FULL[dtype] }, [3, 4])),
];

/** The smaller tensor of a resampling: blocks of voxels as channels. */
function gathered(shape: Shape, block: readonly number[]): number[] {
  return [shape[0]!, shape[1]! * elementCount(block), ...shape.slice(2).map((s, i) => s / block[i]!)];
}

function squeezeCase(
  what: string,
  large: Shape,
  block: readonly number[],
  order: SqueezeOrder,
  inverse: boolean,
  dtype?: FixedDType | 'u8',
): OpCase {
  const shape = inverse ? gathered(large, block) : large;
  const values: Distribution = dtype === 'u8' ? { kind: 'integers', low: 0, high: 255 } : FULL[dtype ?? 'q16'];
  return {
    op: 'squeeze',
    name: `squeeze/${what}-${order}${inverse ? '-inverse' : ''}`,
    inputs: { x: dtype ? { shape, dtype, values } : { shape } },
    build: (_g, t) => ({ y: inverse ? unsqueeze(t['x']!, block, order) : squeeze(t['x']!, block, order) }),
    ...(dtype ? {} : { gradient: ['x'], bf16: ['x'] }),
    sums: 0,
    golden: { fn: 'squeeze', args: { block, order, inverse } },
  };
}

const BLOCKS: readonly (readonly [string, Shape, readonly number[]])[] = [
  ['3d-2', [2, 3, 4, 2, 6], [2, 2, 2]],
  ['3d-aniso', [1, 5, 3, 4, 2], [1, 2, 2]],
  ['3d-odd', [1, 2, 3, 2, 6], [3, 1, 2]],
  ['2d-2', [2, 1, 6, 4], [2, 2]],
];

export const SQUEEZE_CASES: readonly OpCase[] = ORDERS.flatMap((order) => [
  ...BLOCKS.flatMap(([what, shape, block]) =>
    [false, true].map((inverse) => squeezeCase(what, shape, block, order, inverse)),
  ),
  squeezeCase('q16', [2, 3, 2, 4, 6], [2, 2, 2], order, false, 'q16'),
  squeezeCase('q32', [1, 3, 2, 4, 4], [1, 2, 2], order, true, 'q32'),
  squeezeCase('labels', [2, 1, 4, 6], [2, 3], order, false, 'u8'),
]);

interface ResampleSpec {
  readonly large: Shape;
  readonly stride: readonly number[];
  readonly order: SqueezeOrder;
  readonly up: boolean;
}

const RESAMPLINGS: readonly (readonly [string, ResampleSpec])[] = [
  ['3d-down', { large: [2, 3, 4, 2, 6], stride: [2, 2, 2], order: 'channelMajor', up: false }],
  ['3d-up', { large: [2, 3, 4, 2, 2], stride: [2, 2, 2], order: 'offsetMajor', up: true }],
  ['3d-aniso-down', { large: [1, 5, 3, 4, 2], stride: [1, 2, 2], order: 'offsetMajor', up: false }],
  ['3d-aniso-up', { large: [1, 5, 4, 3, 2], stride: [2, 1, 1], order: 'channelMajor', up: true }],
  ['2d-down', { large: [2, 3, 6, 4], stride: [2, 2], order: 'channelMajor', up: false }],
  ['2d-up', { large: [1, 7, 4, 6], stride: [2, 2], order: 'offsetMajor', up: true }],
];

function operandShape({ large, stride, up }: ResampleSpec): Shape {
  return up ? gathered(large, stride) : large;
}

function freeShape(kind: OrthogonalKind, count: number, size: number): Shape {
  return kind === 'givens' ? [count, (size * (size - 1)) / 2] : [count, size, size];
}

/** A matrix that is learned: the whole way from its free numbers. */
function givenCase(what: string, s: ResampleSpec, matrix: OrthogonalKind, shared: boolean): OpCase {
  const size = elementCount(s.stride);
  const places = elementCount(s.large) / size;
  return {
    op: 'resample',
    name: `resample/given-${what}-${matrix}${shared ? '-shared' : ''}`,
    inputs: {
      x: { shape: operandShape(s) },
      w: { shape: freeShape(matrix, shared ? 1 : s.large[1]!, size) },
    },
    build: (_g, t) => {
      const q = orthogonal(t['w']!, matrix, size);
      return { y: resample(t['x']!, 'given', s.stride, { up: s.up, order: s.order }, [q]) };
    },
    gradient: ['x', 'w'],
    sums: size,
    gradientSums: places * size,
    bf16: ['x'],
    golden: { fn: 'resampleGiven', args: { stride: s.stride, order: s.order, up: s.up, matrix } },
  };
}

function fixedMatrixCase(kind: 'haar' | 'lifting', what: string, s: ResampleSpec): OpCase {
  return {
    op: 'resample',
    name: `resample/${kind}-${what}`,
    inputs: { x: { shape: operandShape(s) } },
    build: (_g, t) => ({ y: resample(t['x']!, kind, s.stride, { up: s.up, order: s.order }) }),
    gradient: ['x'],
    sums: 8,
    bf16: ['x'],
    golden: { fn: 'resampleFixed', args: { kind, stride: s.stride, order: s.order, up: s.up } },
  };
}

function integerCase(dtype: FixedDType, what: string, s: ResampleSpec): OpCase {
  return {
    op: 'resample',
    name: `resample/lifting-${dtype}-${what}`,
    inputs: { x: { shape: operandShape(s), dtype, values: FULL[dtype] } },
    build: (_g, t) => ({ y: resample(t['x']!, 'lifting', s.stride, { up: s.up, order: s.order }) }),
    sums: 0,
    golden: { fn: 'resampleIntegers', args: { dtype, stride: s.stride, order: s.order, up: s.up } },
  };
}

function givensCase(dtype: FixedDType, what: string, s: ResampleSpec, values: Distribution, shared: boolean): OpCase {
  const size = elementCount(s.stride);
  return {
    op: 'resample',
    name: `resample/givens-${dtype}-${what}`,
    inputs: {
      x: { shape: operandShape(s), dtype, values },
      angles: { shape: freeShape('givens', shared ? 1 : s.large[1]!, size), values: ANGLES },
      exponent: exponentOf(dtype),
    },
    build: (_g, t) => ({
      y: resample(t['x']!, 'givens', s.stride, { up: s.up, order: s.order }, [t['angles']!, t['exponent']!]),
    }),
    sums: 0,
    golden: { fn: 'resampleGivens', args: { dtype, stride: s.stride, order: s.order, up: s.up } },
  };
}

/** Through the grid: gradients of the real rotations, at the rounded numbers. */
function givensThrough(dtype: FixedDType, what: string, s: ResampleSpec, shared: boolean): OpCase {
  const size = elementCount(s.stride);
  return {
    op: 'resample',
    name: `resample/givens-${dtype}-through-${what}`,
    inputs: {
      x: { shape: operandShape(s) },
      angles: { shape: freeShape('givens', shared ? 1 : s.large[1]!, size), values: ANGLES },
      exponent: exponentOf(dtype),
    },
    build: (_g, t) => {
      const exponent = t['exponent']!;
      const k = quantize(t['x']!, exponent, dtype);
      const y = resample(k, 'givens', s.stride, { up: s.up, order: s.order }, [t['angles']!, exponent]);
      return { y: dequantize(y, exponent) };
    },
    gradient: ['x', 'angles'],
    noDifferences: true,
    sums: 0,
    gradientSums: elementCount(s.large),
    golden: { fn: 'resampleGivensThrough', args: { dtype, stride: s.stride, order: s.order, up: s.up } },
  };
}

export const RESAMPLE_CASES: readonly OpCase[] = [
  ...RESAMPLINGS.flatMap(([what, s], i) => givenCase(what, s, ORTHOGONAL_KINDS[i % 3]!, i % 2 === 1)),
  givenCase('3d-per-channel', { ...RESAMPLINGS[1]![1], up: false }, 'givens', false),
  givenCase('2d-stride3', { large: [1, 3, 6, 3], stride: [3, 1], order: 'channelMajor', up: true }, 'exp', false),
  ...(['haar', 'lifting'] as const).flatMap((kind) => RESAMPLINGS.map(([what, s]) => fixedMatrixCase(kind, what, s))),
  ...TYPES.flatMap((dtype) => [
    ...RESAMPLINGS.map(([what, s]) => integerCase(dtype, what, s)),
    ...RESAMPLINGS.slice(0, 2).map(([what, s]) => givensCase(dtype, what, s, SMALL, false)),
    ...RESAMPLINGS.slice(4).map(([what, s]) => givensCase(dtype, what, s, SMALL, true)),
    givensCase(dtype, 'wraps-down', RESAMPLINGS[2]![1], FULL[dtype], false),
    givensCase(dtype, 'wraps-up', RESAMPLINGS[3]![1], FULL[dtype], false),
    givensThrough(dtype, '3d-down', RESAMPLINGS[0]![1], false),
    givensThrough(dtype, '2d-up', RESAMPLINGS[5]![1], true),
  ]),
];

export const RESAMPLE_GRAD_CASES: readonly OpCase[] = (
  [
    ['3d', [2, 3, 4, 2, 6], [2, 2, 2], 'channelMajor', false],
    ['3d-shared', [1, 5, 3, 4, 2], [1, 2, 2], 'offsetMajor', true],
    ['2d', [2, 3, 6, 4], [2, 2], 'offsetMajor', false],
    ['2d-stride3', [1, 2, 3, 6], [1, 3], 'channelMajor', true],
  ] as const
).map(([what, large, stride, order, shared]): OpCase => ({
  op: 'resampleGrad',
  name: `resampleGrad/${what}`,
  inputs: { large: { shape: large }, small: { shape: gathered(large, stride) } },
  build: (g, t) => ({ dm: g.emit('resampleGrad', [t['large']!, t['small']!], { stride, order, shared })[0]! }),
  sums: elementCount(large) / elementCount(stride),
  bf16: ['large', 'small'],
  golden: { fn: 'resampleGrad', args: { stride, order, shared } },
}));

export const ORTHOGONAL_CASES: readonly OpCase[] = ORTHOGONAL_KINDS.flatMap((kind): OpCase[] => [
  ...[2, 4, 8].map((size): OpCase => ({
    op: 'orthogonal',
    name: `orthogonal/${kind}-${size}`,
    inputs: { w: { shape: freeShape(kind, 3, size), values: { kind: 'uniform', low: -0.6, high: 0.6 } } },
    build: (_g, t) => ({ q: orthogonal(t['w']!, kind, size) }),
    gradient: ['w'],
    // Along a direction of 64 signs the matrix turns far.
    h: 0.005,
    gradientSums: size * size,
    golden: { fn: 'orthogonal', args: { kind, size } },
  })),
  {
    // A 1-norm of about 20: the exponential has to square.
    op: 'orthogonalGrad',
    name: `orthogonalGrad/${kind}-large`,
    inputs: {
      w: { shape: freeShape(kind, 2, 8), values: { kind: 'uniform', low: -3, high: 3 } },
      dq: { shape: [2, 8, 8] },
    },
    build: (g, t) => ({
      q: orthogonal(t['w']!, kind, 8),
      dw: g.emit('orthogonalGrad', [t['w']!, t['dq']!], { kind, size: 8 })[0]!,
    }),
    sums: 64,
    golden: { fn: 'orthogonalGrad', args: { kind, size: 8 } },
  },
]);
