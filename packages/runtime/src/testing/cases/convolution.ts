/** Cases of conv, convTranspose and convWeightGrad: 2D and 3D, odd sizes, strides, dilation, groups, pieces, paddings. */

import { elementCount } from '../../graph/shape.js';
import type { Tensor } from '../../graph/tensor.js';
import { conv, type ConvOptions } from '../../ops/conv.js';
import { convTranspose, type ConvTransposeOptions } from '../../ops/conv-transpose.js';
import type { AnyAttr } from '../../ops/schema.js';
import type { InputSpec, OpCase } from '../op-case.js';

interface ConvSpec extends ConvOptions {
  /** Batch; default 1. */
  readonly n?: number;
  /** Input channels, or those of every piece. */
  readonly ci: number | readonly number[];
  readonly co: number;
  readonly size: readonly number[];
  readonly kernel: readonly number[];
  readonly bias?: boolean;
  /** Too large for the fixtures. */
  readonly large?: boolean;
}

function options(o: ConvOptions): Record<string, AnyAttr> {
  return Object.fromEntries(
    Object.entries(o).filter(([key]) => ['stride', 'padding', 'dilation', 'groups', 'outputPadding'].includes(key)),
  );
}

function convCase(what: string, s: ConvSpec): OpCase {
  const pieces = typeof s.ci === 'number' ? [s.ci] : s.ci;
  const ci = pieces.reduce((a, b) => a + b, 0);
  const groups = s.groups ?? 1;
  const xs = pieces.map((_, i) => (pieces.length === 1 ? 'x' : `x${i}`));
  const inputs: Record<string, InputSpec> = {};
  xs.forEach((x, i) => (inputs[x] = { shape: [s.n ?? 1, pieces[i]!, ...s.size] }));
  inputs['w'] = { shape: [s.co, ci / groups, ...s.kernel], role: 'parameter' };
  if (s.bias) inputs['b'] = { shape: [s.co], role: 'parameter' };
  const sums = (ci / groups) * elementCount(s.kernel) + 1;
  return {
    op: 'conv',
    name: `conv/${what}`,
    inputs,
    build: (_g, t) => ({
      y: conv(
        xs.map((x) => t[x]!),
        t['w']!,
        t['b'],
        s,
      ),
    }),
    gradient: Object.keys(inputs),
    sums,
    gradientSums: Math.max((s.co / groups) * elementCount(s.kernel), (s.n ?? 1) * elementCount(s.size)),
    bf16: xs,
    ...(s.large ? {} : { golden: { fn: 'conv', args: { pieces: pieces.length, ...options(s) } } }),
  };
}

interface TransposeSpec extends ConvTransposeOptions {
  readonly n?: number;
  readonly ci: number;
  readonly co: number;
  readonly size: readonly number[];
  readonly kernel: readonly number[];
  readonly bias?: boolean;
  readonly large?: boolean;
}

function transposeCase(what: string, s: TransposeSpec): OpCase {
  const groups = s.groups ?? 1;
  const inputs: Record<string, InputSpec> = {
    x: { shape: [s.n ?? 1, s.ci, ...s.size] },
    w: { shape: [s.ci, s.co / groups, ...s.kernel], role: 'parameter' },
  };
  if (s.bias) inputs['b'] = { shape: [s.co], role: 'parameter' };
  return {
    op: 'convTranspose',
    name: `convTranspose/${what}`,
    inputs,
    build: (_g, t) => ({ y: convTranspose(t['x']!, t['w']!, t['b'], s) }),
    gradient: Object.keys(inputs),
    sums: (s.ci / groups) * elementCount(s.kernel) + 1,
    // The bias gradient sums all outputs.
    gradientSums: Math.max((s.co / groups) * elementCount(s.kernel), 8 * (s.n ?? 1) * elementCount(s.size)),
    bf16: ['x'],
    ...(s.large ? {} : { golden: { fn: 'convTranspose', args: options(s) } }),
  };
}

/** Convolutions of a U-Net and the corners around them. */
export const CONV_CASES: readonly OpCase[] = [
  convCase('3d-same-bias', { ci: 3, co: 5, size: [5, 6, 7], kernel: [3, 3, 3], padding: 'same', bias: true }),
  convCase('3d-stride2-odd-n2', { n: 2, ci: 5, co: 17, size: [5, 7, 6], kernel: [3, 3, 3], stride: 2, padding: 1 }),
  convCase('3d-1x1x1', { n: 2, ci: 17, co: 3, size: [3, 5, 4], kernel: [1, 1, 1], bias: true }),
  convCase('3d-1x1x1-stride2', { ci: 5, co: 3, size: [5, 4, 7], kernel: [1, 1, 1], stride: 2 }),
  convCase('3d-kernel133-stride122', {
    ci: 1,
    co: 16,
    size: [3, 7, 9],
    kernel: [1, 3, 3],
    stride: [1, 2, 2],
    padding: [0, 1, 1],
    bias: true,
  }),
  convCase('3d-kernel311-stride211', {
    ci: 3,
    co: 4,
    size: [7, 4, 5],
    kernel: [3, 1, 1],
    stride: [2, 1, 1],
    padding: [1, 0, 0],
  }),
  convCase('3d-kernel2-stride2-odd', { n: 2, ci: 3, co: 6, size: [5, 7, 6], kernel: [2, 2, 2], stride: 2 }),
  convCase('3d-dilation2', {
    ci: 3,
    co: 4,
    size: [6, 5, 7],
    kernel: [3, 3, 3],
    dilation: 2,
    padding: 'same',
    bias: true,
  }),
  convCase('3d-dilation123-stride212', {
    n: 2,
    ci: 2,
    co: 3,
    size: [7, 6, 9],
    kernel: [2, 3, 3],
    dilation: [1, 2, 3],
    stride: [2, 1, 2],
    padding: [1, 2, 2],
  }),
  convCase('3d-groups3', { n: 2, ci: 6, co: 9, size: [4, 5, 3], kernel: [3, 3, 3], groups: 3, padding: 1, bias: true }),
  convCase('3d-groups2-stride2', {
    ci: 6,
    co: 4,
    size: [5, 6, 7],
    kernel: [3, 3, 3],
    groups: 2,
    stride: 2,
    padding: 1,
  }),
  convCase('3d-depthwise', {
    n: 2,
    ci: 5,
    co: 5,
    size: [4, 5, 6],
    kernel: [3, 3, 3],
    groups: 5,
    padding: 1,
    bias: true,
  }),
  convCase('3d-depthwise-multiplier2', {
    ci: 3,
    co: 6,
    size: [5, 4, 5],
    kernel: [3, 3, 3],
    groups: 3,
    stride: [1, 2, 1],
    padding: 1,
  }),
  convCase('3d-two-pieces', { n: 2, ci: [3, 5], co: 17, size: [3, 4, 5], kernel: [3, 3, 3], padding: 1, bias: true }),
  convCase('3d-three-pieces-stride2', {
    ci: [1, 16, 3],
    co: 7,
    size: [5, 5, 4],
    kernel: [3, 3, 3],
    stride: 2,
    padding: 1,
  }),
  convCase('3d-two-pieces-1x1x1', { ci: [4, 4], co: 3, size: [4, 3, 5], kernel: [1, 1, 1], bias: true }),
  convCase('3d-two-pieces-groups3', { ci: [2, 4], co: 6, size: [4, 4, 5], kernel: [3, 3, 3], groups: 3, padding: 1 }),
  convCase('3d-one-voxel', { n: 2, ci: 4, co: 3, size: [1, 1, 1], kernel: [3, 3, 3], padding: 1, bias: true }),
  convCase('3d-valid-line', { ci: 2, co: 3, size: [1, 1, 23], kernel: [1, 1, 5] }),
  convCase('3d-16to16', { ci: 16, co: 16, size: [4, 4, 5], kernel: [3, 3, 3], padding: 1, bias: true, large: true }),
  convCase('3d-32to33-wide', { ci: 32, co: 33, size: [3, 3, 19], kernel: [3, 3, 3], padding: 1, large: true }),
  convCase('3d-64to48-1x1x1', { n: 2, ci: 64, co: 48, size: [3, 3, 3], kernel: [1, 1, 1], bias: true, large: true }),
  convCase('2d-same-bias', { n: 2, ci: 3, co: 5, size: [9, 7], kernel: [3, 3], padding: 'same', bias: true }),
  convCase('2d-stride2-odd', { ci: 5, co: 17, size: [9, 11], kernel: [3, 3], stride: 2, padding: 1 }),
  convCase('2d-7x7-stride2', { ci: 1, co: 3, size: [13, 12], kernel: [7, 7], stride: 2, padding: 3, bias: true }),
  convCase('2d-kernel13', { ci: 3, co: 4, size: [5, 9], kernel: [1, 3], padding: [0, 1], stride: [1, 2] }),
  convCase('2d-dilation3-groups2', { ci: 4, co: 6, size: [9, 10], kernel: [3, 3], dilation: 3, groups: 2, padding: 3 }),
  convCase('2d-depthwise', { ci: 17, co: 17, size: [5, 6], kernel: [3, 3], groups: 17, padding: 1 }),
  convCase('2d-two-pieces', { n: 2, ci: [16, 1], co: 3, size: [6, 5], kernel: [3, 3], padding: 1, bias: true }),
  convCase('2d-1x1', { n: 2, ci: 3, co: 17, size: [5, 7], kernel: [1, 1] }),
  asymmetricPadding(),
];

/** Transposed convolutions: up-sampling and its corners. */
export const CONV_TRANSPOSE_CASES: readonly OpCase[] = [
  transposeCase('3d-kernel2-stride2', {
    n: 2,
    ci: 5,
    co: 3,
    size: [3, 2, 4],
    kernel: [2, 2, 2],
    stride: 2,
    bias: true,
  }),
  transposeCase('3d-kernel122-stride122', { ci: 17, co: 16, size: [3, 3, 2], kernel: [1, 2, 2], stride: [1, 2, 2] }),
  transposeCase('3d-kernel3-stride2-outputPadding1', {
    ci: 3,
    co: 5,
    size: [3, 4, 2],
    kernel: [3, 3, 3],
    stride: 2,
    padding: 1,
    outputPadding: 1,
    bias: true,
  }),
  transposeCase('3d-kernel3-stride2-odd', {
    n: 2,
    ci: 4,
    co: 1,
    size: [2, 3, 4],
    kernel: [3, 3, 3],
    stride: 2,
    padding: 1,
  }),
  transposeCase('3d-outputPadding-101', {
    ci: 2,
    co: 3,
    size: [3, 2, 4],
    kernel: [3, 3, 3],
    stride: [2, 1, 3],
    padding: 1,
    outputPadding: [1, 0, 2],
  }),
  transposeCase('3d-kernel1-stride2-gaps', { ci: 3, co: 2, size: [3, 2, 3], kernel: [1, 1, 1], stride: 2, bias: true }),
  transposeCase('3d-dilation2', {
    ci: 3,
    co: 4,
    size: [3, 4, 3],
    kernel: [2, 3, 2],
    dilation: [2, 1, 2],
    stride: [1, 2, 1],
    padding: 1,
  }),
  transposeCase('3d-groups2', {
    n: 2,
    ci: 6,
    co: 4,
    size: [3, 2, 3],
    kernel: [2, 2, 2],
    stride: 2,
    groups: 2,
    bias: true,
  }),
  transposeCase('3d-depthwise', { ci: 5, co: 5, size: [3, 3, 3], kernel: [3, 3, 3], stride: 2, padding: 1, groups: 5 }),
  transposeCase('3d-stride1', { ci: 3, co: 5, size: [4, 3, 5], kernel: [3, 3, 3], padding: 1 }),
  transposeCase('3d-32to16-kernel2-stride2', {
    ci: 32,
    co: 16,
    size: [3, 2, 5],
    kernel: [2, 2, 2],
    stride: 2,
    bias: true,
    large: true,
  }),
  transposeCase('2d-kernel2-stride2', { n: 2, ci: 3, co: 5, size: [4, 3], kernel: [2, 2], stride: 2, bias: true }),
  transposeCase('2d-kernel4-stride2', { ci: 5, co: 3, size: [3, 5], kernel: [4, 4], stride: 2, padding: 1 }),
  transposeCase('2d-kernel3-stride2-outputPadding', {
    ci: 1,
    co: 17,
    size: [4, 3],
    kernel: [3, 3],
    stride: 2,
    padding: 1,
    outputPadding: [1, 0],
    groups: 1,
  }),
];

/** Padding that differs on the two sides, which the public function does not offer but the operation has. */
function asymmetricPadding(): OpCase {
  const attrs = {
    kernel: [3, 2, 3],
    stride: [2, 1, 1],
    padBefore: [0, 1, 2],
    padAfter: [1, 0, 1],
    dilation: [1, 1, 1],
    groups: 1,
    outChannels: 4,
    pieces: 1,
    bias: false,
    form: 'plain',
  } as const;
  const emit = (x: Tensor, w: Tensor): Tensor => x.graph.emit('conv', [x, w], attrs)[0]!;
  return {
    op: 'conv',
    name: 'conv/3d-asymmetric-padding',
    inputs: { x: { shape: [2, 3, 6, 4, 5] }, w: { shape: [4, 3, 3, 2, 3], role: 'parameter' } },
    build: (_g, t) => ({ y: emit(t['x']!, t['w']!) }),
    gradient: ['x', 'w'],
    sums: 54,
    gradientSums: 240,
    bf16: ['x'],
    golden: { fn: 'convPadded', args: { stride: attrs.stride, padBefore: attrs.padBefore, padAfter: attrs.padAfter } },
  };
}
