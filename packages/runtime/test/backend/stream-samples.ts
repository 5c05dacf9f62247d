/** Samples of the operations of exact streams and of invertible resampling, in the form of `op-samples.ts`. */

import type { DType, Shape } from '../../src/index.js';
import type { OpSample, SampleOperand } from './op-samples.js';

const f = (...shape: number[]): SampleOperand => ({ shape });
const of = (dtype: DType, ...shape: number[]): SampleOperand => ({ shape, dtype });
const exponent = (g: number): SampleOperand => ({ shape: [1], values: [g] });
/** Numbers that no grid takes as they are. */
const wild = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => [NaN, Infinity, -Infinity, 1e30, -700, 0.001953125, 1.5, -0.7][i % 8]!);

function coupleSamples(): OpSample[] {
  return (['q16', 'q32'] as const).flatMap((dtype): OpSample[] => {
    const g = exponent(dtype === 'q16' ? 9 : 20);
    const large: Shape = [2, 7, 13, 11, 9];
    const couplings = (['add', 'sub'] as const).flatMap((direction) =>
      (['none', 'input', 'output'] as const).map((checksum): OpSample => ({
        op: 'couple',
        title: `${direction} on ${dtype}, checksum ${checksum}`,
        attrs: { direction, checksum },
        inputs: [of(dtype, ...large), f(...large), g],
        bf16: [1],
      })),
    );
    return [
      ...couplings,
      {
        op: 'couple',
        title: `${dtype}, wild f`,
        attrs: { direction: 'add', checksum: 'output' },
        inputs: [of(dtype, 3, 8), { shape: [3, 8], values: wild(24) }, g],
      },
      {
        op: 'coupleGrad',
        title: dtype,
        attrs: { to: dtype, from: 'f' },
        inputs: [{ shape: [3, 8], values: wild(24) }, f(3, 8), g],
      },
      {
        op: 'coupleGrad',
        title: `${dtype}, all inside`,
        attrs: { to: dtype, from: 'f' },
        inputs: [f(...large), f(...large), g],
        bf16: [0, 1],
      },
      {
        op: 'coupleGrad',
        title: `${dtype}, from states`,
        attrs: { to: dtype, from: 'states' },
        inputs: [of(dtype, ...large), of(dtype, ...large), f(...large)],
        bf16: [2],
      },
      { op: 'quantize', title: dtype, attrs: { to: dtype }, inputs: [f(...large), g], bf16: [0] },
      {
        op: 'quantize',
        title: `${dtype}, wild x`,
        attrs: { to: dtype },
        inputs: [{ shape: [3, 8], values: wild(24) }, g],
      },
      ...(['f32', 'bf16'] as const).map((to): OpSample => ({
        op: 'dequantize',
        title: `${dtype} to ${to}`,
        attrs: { to },
        inputs: [of(dtype, ...large), g],
      })),
    ];
  });
}

/** Norms of fixed-point tensors, and the second half of a norm of any. */
function normSamples(): OpSample[] {
  const shapes: readonly (readonly [Shape, 'group' | 'batch', number])[] = [
    [[2, 6, 3, 4, 5], 'group', 2],
    [[3, 17, 2, 3, 2], 'batch', 1],
    [[1, 8, 20, 22, 24], 'group', 8],
    [[2, 3, 7, 5], 'group', 3],
  ];
  return shapes.flatMap(([shape, mode, groups]): OpSample[] => {
    const c = shape[1]!;
    const stats: Shape = mode === 'group' ? [shape[0]!, groups] : [1, c];
    const rstd = { shape: stats, draw: 'positive' } as const;
    const title = `${mode} ${groups} of [${shape.join(', ')}]`;
    const fixed = (['q16', 'q32'] as const).flatMap((dtype): OpSample[] => {
      // Values within +-64 either way.
      const g = exponent(dtype === 'q16' ? 9 : 25);
      const x = of(dtype, ...shape);
      return (['f32', 'bf16'] as const).flatMap((to): OpSample[] => [
        {
          op: 'normAct',
          title: `${title}, ${dtype} to ${to}`,
          attrs: { mode, groups, eps: 1e-5, slope: 0.01, to },
          inputs: [x, f(c), f(c), g],
        },
        {
          op: 'normActGrad',
          title: `${title}, ${dtype}, dy ${to}`,
          attrs: { mode, groups, eps: 1e-5, slope: 0.2 },
          inputs: [x, f(c), f(c), f(...stats), rstd, of(to, ...shape), g],
        },
        {
          op: 'normApply',
          title: `${title}, ${dtype} to ${to}`,
          attrs: { mode, groups, slope: 0.1, to },
          inputs: [x, f(c), f(c), f(...stats), rstd, g],
        },
      ]);
    });
    return [
      ...fixed,
      {
        op: 'normApply',
        title,
        attrs: { mode, groups, slope: 1, to: 'same' },
        inputs: [f(...shape), f(c), f(c), f(...stats), rstd],
        bf16: [0],
      },
    ];
  });
}

function resamplingSamples(): OpSample[] {
  const samples: OpSample[] = [];
  const orders = ['offsetMajor', 'channelMajor'] as const;
  const squeezes: readonly (readonly [Shape, readonly number[]])[] = [
    [
      [2, 3, 4, 6, 8],
      [2, 2, 2],
    ],
    [
      [1, 17, 3, 4, 2],
      [1, 2, 2],
    ],
    [
      [2, 1, 6, 9],
      [3, 3],
    ],
    [
      [1, 2, 4, 20],
      [2, 1],
    ],
  ];
  for (const [shape, block] of squeezes) {
    const voxels = block.reduce((p, b) => p * b, 1);
    const small = [shape[0]!, shape[1]! * voxels, ...shape.slice(2).map((s, i) => s / block[i]!)];
    for (const order of orders) {
      for (const inverse of [false, true]) {
        samples.push({
          op: 'squeeze',
          title: `[${shape.join(', ')}] by ${block.join('x')}, ${order}${inverse ? ', inverse' : ''}`,
          attrs: { block, order, inverse },
          inputs: [f(...(inverse ? small : shape))],
          bf16: [0],
        });
      }
    }
  }
  for (const dtype of ['q16', 'q32', 'u8'] as const) {
    samples.push(
      {
        op: 'squeeze',
        title: dtype,
        attrs: { block: [2, 2, 1], order: 'offsetMajor', inverse: false },
        inputs: [of(dtype, 1, 3, 4, 2, 5)],
      },
      { op: 'split', title: dtype, attrs: { sizes: [3, 1, 5] }, inputs: [of(dtype, 2, 9, 3, 4, 5)] },
    );
  }
  const stride = [2, 1, 2];
  const [large, small]: readonly [Shape, Shape] = [
    [2, 3, 4, 3, 6],
    [2, 12, 2, 3, 3],
  ];
  for (const form of ['forward', 'inverse', 'transpose', 'inverseTranspose'] as const) {
    const x = form === 'inverse' || form === 'transpose' ? small : large;
    for (const kind of ['given', 'haar', 'lifting'] as const) {
      samples.push({
        op: 'resample',
        title: `${kind}, ${form}`,
        attrs: { kind, stride, form, order: 'offsetMajor' },
        inputs: [f(...x), ...(kind === 'given' ? [f(3, 4, 4)] : [])],
        bf16: [0],
      });
    }
    if (form !== 'forward' && form !== 'inverse') continue;
    for (const dtype of ['q16', 'q32'] as const) {
      samples.push(
        {
          op: 'resample',
          title: `lifting of ${dtype}, ${form}`,
          attrs: { kind: 'lifting', stride, form, order: 'channelMajor' },
          inputs: [of(dtype, ...x)],
        },
        {
          op: 'resample',
          title: `givens of ${dtype}, ${form}`,
          attrs: { kind: 'givens', stride, form, order: 'channelMajor' },
          inputs: [of(dtype, ...x), f(1, 6), exponent(9)],
        },
      );
    }
  }
  for (const shared of [false, true]) {
    samples.push({
      op: 'resampleGrad',
      title: `shared ${shared}`,
      attrs: { stride, order: 'channelMajor', shared },
      inputs: [f(...large), f(...small)],
      bf16: [0, 1],
    });
  }
  for (const kind of ['exp', 'cayley', 'givens'] as const) {
    const w = kind === 'givens' ? f(2, 6) : f(2, 4, 4);
    samples.push(
      { op: 'orthogonal', title: kind, attrs: { kind, size: 4 }, inputs: [w] },
      { op: 'orthogonalGrad', title: kind, attrs: { kind, size: 4 }, inputs: [w, f(2, 4, 4)] },
    );
  }
  return samples;
}

export const STREAM_SAMPLES: readonly OpSample[] = [
  ...coupleSamples(),
  ...normSamples(),
  ...resamplingSamples(),
  { op: 'split', title: 'five axes', attrs: { sizes: [2, 1, 4] }, inputs: [f(2, 7, 3, 4, 5)], bf16: [0] },
  { op: 'split', title: 'matrix', attrs: { sizes: [4, 3] }, inputs: [f(5, 7)] },
  {
    op: 'checkEqual',
    title: 'equal',
    attrs: {},
    inputs: [1, 2].map(() => ({ shape: [2], dtype: 'u32', values: [7, 4294967295] }) as const),
  },
];
