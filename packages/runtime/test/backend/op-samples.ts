/**
 * Small calls of every operation with awkward sizes, for comparing backends with each other. Not golden values and not
 * gradients: those are in `test/cases`.
 */

import {
  elementCount,
  hostArray,
  toBf16,
  type DType,
  type HostArray,
  type OpName,
  type Shape,
} from '../../src/index.js';
import { STREAM_SAMPLES } from './stream-samples.js';

/** How an operand's numbers are drawn: around 0, above 0, per-voxel distributions over channels, or class labels. */
type Draw = 'normal' | 'positive' | 'distribution' | 'labels';

export interface SampleOperand {
  readonly shape: Shape;
  readonly dtype?: DType;
  readonly draw?: Draw;
  /** For labels: classes; the label 255 appears too. */
  readonly classes?: number;
  /** Exact numbers. */
  readonly values?: readonly number[];
}

export interface OpSample {
  readonly op: OpName;
  readonly title: string;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly inputs: readonly SampleOperand[];
  /** Operands that the bf16 variant holds in bf16; absent: no such variant. */
  readonly bf16?: readonly number[];
}

function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
}

/** Numbers for an operand, logical order. */
export function drawOperand(
  { shape, dtype = 'f32', draw = 'normal', classes = 2, values }: SampleOperand,
  seed: number,
): HostArray {
  const next = random(seed * 7919 + 1);
  const data = hostArray(dtype, elementCount(shape));
  const store = (i: number, v: number): void => {
    data[i] = dtype === 'bf16' ? toBf16(v) : v;
  };
  if (values) values.forEach((v, i) => store(i, v));
  else if (draw === 'labels')
    for (let i = 0; i < data.length; i++) data[i] = next() < 0.1 ? 255 : Math.floor(next() * classes);
  else if (draw === 'distribution') {
    const [n, c] = [shape[0]!, shape[1]!];
    const s = data.length / (n * c);
    for (let b = 0; b < n; b++) {
      for (let v = 0; v < s; v++) {
        const parts = Array.from({ length: c }, () => next() + 0.01);
        const total = parts.reduce((sum, p) => sum + p, 0);
        parts.forEach((p, k) => store((b * c + k) * s + v, p / total));
      }
    }
  } else if (dtype === 'u8' || dtype === 'i32' || dtype === 'u32')
    for (let i = 0; i < data.length; i++) store(i, Math.floor(next() * 200));
  else if (dtype === 'q16' || dtype === 'q32')
    for (let i = 0; i < data.length; i++) store(i, Math.floor((next() - 0.5) * 2 ** (dtype === 'q16' ? 16 : 32)));
  else
    for (let i = 0; i < data.length; i++)
      store(i, draw === 'positive' ? 0.1 + 2 * next() : 2 * (next() + next() + next() - 1.5));
  return data;
}

const f = (...shape: number[]): SampleOperand => ({ shape });
const scalar = (value: number, dtype: DType = 'f32'): SampleOperand => ({ shape: [], dtype, values: [value] });

export interface ConvSample {
  readonly n?: number;
  readonly ci: readonly number[];
  readonly co: number;
  readonly size: readonly number[];
  readonly kernel: readonly number[];
  readonly stride?: readonly number[];
  readonly pad?: readonly number[];
  readonly padAfter?: readonly number[];
  readonly dilation?: readonly number[];
  readonly groups?: number;
  readonly bias?: boolean;
}

export const CONVS: readonly ConvSample[] = [
  { ci: [1], co: 3, size: [5, 6, 7], kernel: [3, 3, 3], pad: [1, 1, 1], bias: true },
  { ci: [5], co: 17, size: [7, 5, 9], kernel: [3, 3, 3], pad: [1, 1, 1], n: 2 },
  { ci: [3], co: 5, size: [7, 9, 8], kernel: [3, 3, 3], stride: [2, 2, 2], pad: [1, 1, 1], bias: true, n: 2 },
  { ci: [17], co: 3, size: [4, 5, 6], kernel: [1, 1, 1], bias: true },
  { ci: [4], co: 8, size: [9, 8, 7], kernel: [3, 3, 3], dilation: [2, 1, 3], pad: [2, 0, 3] },
  { ci: [6], co: 4, size: [5, 5, 5], kernel: [3, 2, 3], groups: 2, pad: [1, 0, 1], bias: true },
  { ci: [6], co: 6, size: [5, 4, 6], kernel: [3, 3, 3], groups: 6, pad: [1, 1, 1] },
  { ci: [3, 5, 1], co: 7, size: [5, 4, 6], kernel: [3, 3, 3], pad: [1, 1, 1], bias: true, n: 2 },
  { ci: [2, 6], co: 4, size: [5, 4, 6], kernel: [2, 3, 1], groups: 4, pad: [0, 1, 0] },
  { ci: [8], co: 5, size: [6, 8, 4], kernel: [2, 2, 2], stride: [2, 2, 2] },
  { ci: [2], co: 4, size: [7, 6, 9], kernel: [2, 3, 3], stride: [3, 1, 2], pad: [1, 2, 0], padAfter: [0, 1, 2] },
  { ci: [3], co: 5, size: [9, 11], kernel: [3, 3], stride: [1, 2], pad: [1, 1], bias: true, n: 2 },
  { ci: [8], co: 9, size: [5, 6, 7], kernel: [3, 3, 3], pad: [1, 1, 1], bias: true, n: 2 },
  { ci: [5, 11, 1], co: 14, size: [4, 7, 5], kernel: [3, 3, 3], pad: [1, 0, 2], bias: true },
  { ci: [12], co: 8, size: [3, 9, 6], kernel: [1, 3, 3], pad: [0, 1, 1], n: 2 },
  { ci: [9], co: 16, size: [9, 11], kernel: [3, 3], pad: [1, 1], padAfter: [2, 0], bias: true, n: 2 },
  { ci: [8], co: 8, size: [9, 8, 9], kernel: [3, 3, 3], pad: [2, 2, 2], dilation: [2, 2, 2] },
  { ci: [64], co: 20, size: [3, 2, 5], kernel: [3, 3, 3], pad: [1, 1, 1] },
];

function convSamples(): OpSample[] {
  return CONVS.flatMap((c): OpSample[] => {
    const {
      n = 1,
      ci,
      co,
      size,
      kernel,
      stride = kernel.map(() => 1),
      pad = kernel.map(() => 0),
      dilation = kernel.map(() => 1),
      groups = 1,
      bias = false,
    } = c;
    const padAfter = c.padAfter ?? pad;
    const channels = ci.reduce((a, b) => a + b, 0);
    const out = size.map(
      (s, i) => Math.floor((s + pad[i]! + padAfter[i]! - dilation[i]! * (kernel[i]! - 1) - 1) / stride[i]!) + 1,
    );
    const title = `${ci.join('+')}->${co} of ${n}x${size.join('x')}, kernel ${kernel.join('x')}, stride ${stride.join('x')}, dilation ${dilation.join('x')}, groups ${groups}`;
    const pieces = ci.map((c0) => f(n, c0, ...size));
    const w = f(co, channels / groups, ...kernel);
    const dy = f(n, co, ...out);
    const common = { kernel, stride, padBefore: pad, dilation, groups };
    const first = ci[0]!;
    return [
      {
        op: 'conv',
        title,
        attrs: { ...common, padAfter, outChannels: co, pieces: ci.length, bias, form: 'plain' },
        inputs: [...pieces, w, ...(bias ? [f(co)] : [])],
        bf16: ci.map((_, i) => i),
      },
      {
        op: 'convWeightGrad',
        title,
        attrs: { ...common, pieces: ci.length, bias },
        inputs: [...pieces, dy],
        bf16: [...ci.keys(), ci.length],
      },
      {
        op: 'convTranspose',
        title: `${title}, first piece`,
        attrs: {
          ...common,
          padAfter,
          outSize: size,
          inChannels: channels,
          channelBegin: 0,
          channelCount: first,
          bias: false,
          form: 'plain',
        },
        inputs: [dy, w],
        bf16: [0],
      },
      {
        op: 'convTranspose',
        title: `${title}, last channels${bias ? ', bias' : ''}`,
        attrs: {
          ...common,
          padAfter,
          outSize: size,
          inChannels: channels,
          channelBegin: Math.floor(channels / 2),
          channelCount: channels - Math.floor(channels / 2),
          bias,
          form: 'plain',
        },
        inputs: [dy, w, ...(bias ? [f(channels - Math.floor(channels / 2))] : [])],
        bf16: [0],
      },
    ];
  });
}

function normSamples(): OpSample[] {
  const shapes: readonly (readonly [Shape, 'group' | 'batch', number])[] = [
    [[2, 5, 3, 4, 5], 'group', 5],
    [[2, 6, 3, 4, 5], 'group', 2],
    [[1, 4, 33, 31], 'group', 1],
    [[3, 17, 2, 3, 2], 'batch', 1],
    [[2, 6], 'group', 2],
    [[1, 8, 20, 22, 24], 'group', 8],
  ];
  return shapes.flatMap(([shape, mode, groups]): OpSample[] => {
    const c = shape[1]!;
    const stats: Shape = mode === 'group' ? [shape[0]!, groups] : [1, c];
    const x = { shape, draw: 'positive' } as const;
    const rstd = { shape: stats, draw: 'positive' } as const;
    const attrs = { mode, groups, eps: 1e-5 };
    const title = `${mode} ${groups} of [${shape.join(', ')}]`;
    return [
      { op: 'norm', title, attrs, inputs: [x, f(c), f(c)], bf16: [0] },
      { op: 'normAct', title, attrs: { ...attrs, slope: 0.01, to: 'same' }, inputs: [x, f(c), f(c)], bf16: [0] },
      { op: 'normGrad', title, attrs, inputs: [x, f(c), f(...stats), rstd, f(...shape)], bf16: [0, 4] },
      {
        op: 'normActGrad',
        title,
        attrs: { ...attrs, slope: 0.2 },
        inputs: [x, f(c), f(c), f(...stats), rstd, f(...shape)],
        bf16: [0, 5],
      },
    ];
  });
}

function elementwiseSamples(): OpSample[] {
  const unary = ['leakyRelu', 'sigmoid', 'tanh', 'gelu', 'exp', 'log', 'sqrt', 'square', 'abs'];
  const binary = ['add', 'sub', 'mul', 'div', 'max', 'min', 'greaterEqual', 'less'];
  const x = (kind: string): SampleOperand => ({
    shape: [2, 5, 3, 7, 3],
    draw: kind === 'log' || kind === 'sqrt' ? 'positive' : 'normal',
  });
  return [
    ...unary.flatMap((kind): OpSample[] => [
      { op: 'unary', title: kind, attrs: { kind, slope: 0.1 }, inputs: [x(kind)], bf16: [0] },
      { op: 'unaryGrad', title: kind, attrs: { kind, slope: 0.1 }, inputs: [x(kind), f(2, 5, 3, 7, 3)], bf16: [0, 1] },
    ]),
    ...binary.flatMap((kind): OpSample[] => [
      {
        op: 'binary',
        title: kind,
        attrs: { kind },
        inputs: [f(2, 3, 5, 7), { shape: [2, 3, 5, 7], draw: 'positive' }],
        bf16: [0, 1],
      },
      {
        op: 'binary',
        title: `${kind}, per channel`,
        attrs: { kind },
        inputs: [f(2, 3, 5, 7, 2), { shape: [1, 3, 1, 1, 1], draw: 'positive' }],
      },
      {
        op: 'binary',
        title: `${kind}, both repeated`,
        attrs: { kind },
        inputs: [f(2, 1, 5, 1), { shape: [1, 3, 5, 7], draw: 'positive' }],
      },
      {
        op: 'binary',
        title: `${kind}, scalar first`,
        attrs: { kind },
        inputs: [f(), { shape: [3, 5], draw: 'positive' }],
      },
    ]),
    {
      op: 'binary',
      title: 'add, q16 wraps',
      attrs: { kind: 'add' },
      inputs: [
        { shape: [2, 3, 5, 7], dtype: 'q16' },
        { shape: [2, 3, 5, 7], dtype: 'q16' },
      ],
    },
    {
      op: 'binary',
      title: 'sub, q32 wraps',
      attrs: { kind: 'sub' },
      inputs: [
        { shape: [2, 3, 5, 7], dtype: 'q32' },
        { shape: [2, 3, 5, 7], dtype: 'q32' },
      ],
    },
    { op: 'scale', title: 'factor and offset', attrs: { factor: -1.5, offset: 0.25 }, inputs: [f(3, 5, 7)], bf16: [0] },
    {
      op: 'dropout',
      title: 'p 0.3',
      attrs: { p: 0.3, key: 12345 },
      inputs: [f(2, 3, 5, 7), scalar(7, 'u32'), scalar(11, 'u32')],
      bf16: [0],
    },
    {
      op: 'cast',
      title: 'f32 to u8',
      attrs: { to: 'u8' },
      inputs: [{ shape: [9], values: [-3, 0.5, 1.5, 2.5, 254.6, 255.5, 300, NaN, 17.49] }],
    },
    { op: 'cast', title: 'f32 to bf16', attrs: { to: 'bf16' }, inputs: [f(3, 5, 7)] },
    { op: 'cast', title: 'bf16 to f32', attrs: { to: 'f32' }, inputs: [{ shape: [3, 5, 7], dtype: 'bf16' }] },
    { op: 'cast', title: 'i32 to f32', attrs: { to: 'f32' }, inputs: [{ shape: [3, 5], dtype: 'i32' }] },
    { op: 'fill', title: 'f32', attrs: { shape: [3, 2, 5], value: 0.1, dtype: 'f32' }, inputs: [] },
    { op: 'fill', title: 'bf16', attrs: { shape: [7], value: 0.1, dtype: 'bf16' }, inputs: [] },
  ];
}

function lossSamples(): OpSample[] {
  const shape: Shape = [2, 4, 19, 17, 15];
  const labels: SampleOperand = { shape: [2, 1, 19, 17, 15], dtype: 'u8', draw: 'labels', classes: 4 };
  const p: SampleOperand = { shape, draw: 'distribution' };
  const dice = [true, false].flatMap((batch) =>
    [true, false].map((background) => ({ batch, background, smooth: 1e-5, ignore: 255 })),
  );
  return [
    { op: 'softmax', title: 'five axes', attrs: {}, inputs: [f(...shape)], bf16: [0] },
    { op: 'softmax', title: 'two axes', attrs: {}, inputs: [f(3, 7)] },
    { op: 'softmaxGrad', title: 'five axes', attrs: {}, inputs: [p, f(...shape)], bf16: [0, 1] },
    { op: 'crossEntropy', title: 'ignore', attrs: { ignore: 255 }, inputs: [f(...shape), labels] },
    { op: 'crossEntropy', title: 'label out of range', attrs: { ignore: -1 }, inputs: [f(...shape), labels] },
    {
      op: 'crossEntropy',
      title: 'nothing counts',
      attrs: { ignore: 0 },
      inputs: [f(1, 2, 3, 4), { shape: [1, 1, 3, 4], dtype: 'u8', values: new Array<number>(12).fill(0) }],
    },
    {
      op: 'crossEntropyGrad',
      title: 'ignore',
      attrs: { ignore: 255 },
      inputs: [f(...shape), labels, scalar(7000), scalar(0.5)],
      bf16: [0],
    },
    ...dice.flatMap((attrs): OpSample[] => {
      const title = `batch ${attrs.batch}, background ${attrs.background}`;
      return [
        { op: 'diceLoss', title, attrs, inputs: [p, labels], bf16: [0] },
        {
          op: 'diceLossGrad',
          title,
          attrs,
          inputs: [p, labels, { shape: [attrs.batch ? 1 : 2, 12], draw: 'positive' }, scalar(0.7)],
          bf16: [0],
        },
      ];
    }),
    {
      op: 'argmax',
      title: 'ties',
      attrs: {},
      inputs: [{ shape: [1, 3, 2, 2], values: [1, 2, 3, 4, 1, 3, 2, 5, 1, 3, 3, 5] }],
    },
    { op: 'argmax', title: 'five axes', attrs: {}, inputs: [f(...shape)], bf16: [0] },
  ];
}

function spatialSamples(): OpSample[] {
  const pool = { kernel: [3, 2, 3], stride: [2, 1, 2], padBefore: [1, 0, 1], padAfter: [1, 1, 0] };
  const x = f(2, 3, 7, 6, 9);
  const pooled = f(2, 3, 4, 6, 4);
  return [
    ...(['max', 'avg'] as const).flatMap((kind) =>
      [true, false].flatMap((countPadding): OpSample[] => [
        {
          op: 'pool',
          title: `${kind}, padding ${countPadding}`,
          attrs: { ...pool, kind, countPadding },
          inputs: [x],
          bf16: [0],
        },
        {
          op: 'poolGrad',
          title: `${kind}, padding ${countPadding}`,
          attrs: { ...pool, kind, countPadding },
          inputs: [x, pooled],
          bf16: [0, 1],
        },
      ]),
    ),
    ...(['nearest', 'linear'] as const).flatMap((mode): OpSample[] => [
      { op: 'resize', title: `${mode} up`, attrs: { mode, size: [5, 13, 7] }, inputs: [f(2, 3, 3, 6, 4)], bf16: [0] },
      { op: 'resize', title: `${mode} down, 2D`, attrs: { mode, size: [3, 4] }, inputs: [f(2, 3, 7, 9)] },
      {
        op: 'resizeGrad',
        title: `${mode} up`,
        attrs: { mode, size: [3, 6, 4] },
        inputs: [f(2, 3, 5, 13, 7)],
        bf16: [0],
      },
      { op: 'resizeGrad', title: `${mode} down`, attrs: { mode, size: [7, 9] }, inputs: [f(2, 3, 3, 4)] },
    ]),
    {
      op: 'resize',
      title: 'nearest of labels',
      attrs: { mode: 'nearest', size: [3, 5, 4] },
      inputs: [{ shape: [1, 1, 6, 5, 9], dtype: 'u8' }],
    },
    {
      op: 'concat',
      title: 'channels',
      attrs: { axis: 1 },
      inputs: [f(2, 3, 4, 5, 3), f(2, 1, 4, 5, 3), f(2, 5, 4, 5, 3)],
      bf16: [0, 1, 2],
    },
    { op: 'concat', title: 'space', attrs: { axis: 3 }, inputs: [f(2, 3, 4, 5, 3), f(2, 3, 4, 2, 3)] },
    { op: 'concat', title: 'vectors', attrs: { axis: 0 }, inputs: [f(3), f(5)] },
    {
      op: 'slice',
      title: 'box',
      attrs: { start: [1, 1, 0, 2, 1], size: [1, 2, 4, 3, 2] },
      inputs: [f(2, 4, 4, 5, 3)],
      bf16: [0],
    },
    {
      op: 'pad',
      title: 'all axes',
      attrs: { before: [0, 1, 0, 2, 1], after: [1, 0, 2, 0, 3], value: -0.5 },
      inputs: [f(2, 3, 4, 5, 3)],
      bf16: [0],
    },
    { op: 'reshape', title: 'channels to space', attrs: { shape: [2, 3, 4, 10] }, inputs: [f(2, 6, 4, 5)], bf16: [0] },
    { op: 'reshape', title: 'to a matrix', attrs: { shape: [6, 20] }, inputs: [f(2, 3, 4, 5)] },
    { op: 'reshape', title: 'stays in place', attrs: { shape: [1, 7, 1, 1, 1] }, inputs: [f(7)] },
    { op: 'permute', title: 'five axes', attrs: { axes: [4, 2, 0, 3, 1] }, inputs: [f(2, 3, 4, 5, 6)], bf16: [0] },
    { op: 'permute', title: 'matrix', attrs: { axes: [1, 0] }, inputs: [f(5, 7)] },
    { op: 'broadcast', title: 'channels', attrs: { shape: [2, 3, 4, 5] }, inputs: [f(1, 3, 1, 5)], bf16: [0] },
    { op: 'broadcast', title: 'scalar', attrs: { shape: [2, 3, 4, 5] }, inputs: [f()] },
    ...(['sum', 'mean'] as const).flatMap((kind): OpSample[] => [
      {
        op: 'reduce',
        title: `${kind} over space`,
        attrs: { kind, axes: [2, 3, 4], keepDims: false },
        inputs: [f(2, 3, 4, 5, 6)],
        bf16: [0],
      },
      {
        op: 'reduce',
        title: `${kind} over N and W, kept`,
        attrs: { kind, axes: [0, 4], keepDims: true },
        inputs: [f(2, 3, 4, 5, 6)],
      },
      {
        op: 'reduce',
        title: `${kind} over all but channels`,
        attrs: { kind, axes: [0, 2, 3, 4], keepDims: kind === 'sum' },
        inputs: [f(2, 7, 11, 13, 9)],
        bf16: [0],
      },
      {
        op: 'reduce',
        title: `${kind} over channels`,
        attrs: { kind, axes: [1], keepDims: false },
        inputs: [f(2, 3, 4, 5)],
      },
      {
        op: 'reduce',
        title: `${kind} over all`,
        attrs: { kind, axes: [0, 1, 2, 3], keepDims: false },
        inputs: [f(2, 3, 4, 5)],
      },
    ]),
    ...[true, false].flatMap((transposeA) =>
      [true, false].map((transposeB): OpSample => ({
        op: 'matmul',
        title: `transposed ${transposeA}, ${transposeB}`,
        attrs: { transposeA, transposeB },
        inputs: [transposeA ? f(7, 5) : f(5, 7), transposeB ? f(3, 7) : f(7, 3)],
        bf16: [0, 1],
      })),
    ),
    { op: 'sumSquares', title: 'several operands', attrs: {}, inputs: [f(3, 5, 7, 9, 11), f(17), f(200, 170)] },
  ];
}

/** Everything but the updates (of streams too) and `packWeights`, which need persistent values. */
export const OP_SAMPLES: readonly OpSample[] = [
  ...convSamples(),
  ...normSamples(),
  ...elementwiseSamples(),
  ...lossSamples(),
  ...spatialSamples(),
  ...STREAM_SAMPLES,
];
