/**
 * Cases of fixed-point streams and invertible resampling beyond the shared table: large enough that every parallel path
 * splits its work and tiles end in the middle of rows, with channel counts around the edges of vectors, tiles and blocks.
 * Part of large-cases.ts.
 */

import {
  add,
  cast,
  concat,
  dequantize,
  maxPool,
  pad,
  permute,
  quantize,
  resample,
  slice,
  split,
  squeeze,
  sub,
  unsqueeze,
  type FixedDType,
  type GraphBuilder,
  type Shape,
  type SqueezeOrder,
  type Tensor,
} from '@revoxel/runtime';
import type { InputSpec, OpCase } from '@revoxel/runtime/testing';
import { emit } from '@revoxel/runtime/testing';

const TYPES = ['q16', 'q32'] as const;
const ORDERS = ['offsetMajor', 'channelMajor'] as const;
const IMAGE: Shape = [2, 12, 9, 14, 11];

function integers(dtype: FixedDType, shape: Shape, bits = dtype === 'q16' ? 16 : 32): InputSpec {
  return { shape, dtype, values: { kind: 'integers', low: -(2 ** (bits - 1)), high: 2 ** (bits - 1) - 1 } };
}

function exponent(dtype: FixedDType): InputSpec {
  return { shape: [1], values: { kind: 'list', values: [dtype === 'q16' ? 9 : 20] } };
}

/** Every result of a node by its name. */
function named(names: readonly string[], results: readonly Tensor[]): Record<string, Tensor> {
  return Object.fromEntries(names.map((name, i) => [name, results[i]!]));
}

function grids(dtype: FixedDType): OpCase[] {
  // q16 is clamped beyond 32, q32 beyond 1024.
  const floats: InputSpec = { shape: IMAGE, values: { kind: 'uniform', low: -1200, high: 1200 } };
  const common = { sums: 0, bf16: ['f'] };
  return [
    {
      op: 'quantize',
      name: `large/quantize-${dtype}`,
      inputs: { f: floats, e: exponent(dtype) },
      build: (g, { f, e }) => {
        const [k, stats] = emit(g, 'quantize', [f!, e!], { to: dtype });
        return { k: k!, stats: stats!, f32: dequantize(k!, e!), bf16: dequantize(k!, e!, 'bf16') };
      },
      ...common,
    },
    {
      op: 'couple',
      name: `large/couple-${dtype}`,
      inputs: { k: integers(dtype, IMAGE), f: floats, e: exponent(dtype), dy: { shape: IMAGE } },
      build: (g, { k, f, e, dy }) => {
        const couple = (direction: 'add' | 'sub', checksum: 'none' | 'input' | 'output'): Record<string, Tensor> =>
          named(
            ['k', 'stats', 'sum'].map((name) => `${direction}-${checksum}-${name}`),
            emit(g, 'couple', [k!, f!, e!], { direction, checksum }),
          );
        const added = couple('add', 'input');
        return {
          ...added,
          ...couple('add', 'output'),
          ...couple('sub', 'input'),
          ...couple('sub', 'output'),
          df: emit(g, 'coupleGrad', [f!, cast(dy!, f!.dtype), e!], { to: dtype, from: 'f' })[0]!,
          dfOfStates: emit(g, 'coupleGrad', [k!, added['add-input-k']!, dy!], { to: dtype, from: 'states' })[0]!,
        };
      },
      ...common,
    },
    {
      op: 'binary',
      name: `large/sums-${dtype}`,
      inputs: { a: integers(dtype, IMAGE), b: integers(dtype, IMAGE), c: integers(dtype, [1, 12, 1, 1, 1]) },
      build: (_g, { a, b, c }) => ({ sum: add(a!, b!), difference: sub(a!, b!), channels: add(a!, c!) }),
      sums: 0,
    },
    {
      op: 'concat',
      name: `large/movement-${dtype}`,
      inputs: { a: integers(dtype, IMAGE), b: integers(dtype, [2, 5, 9, 14, 11]) },
      build: (_g, { a, b }) => {
        const joined = concat([a!, b!], 1);
        const [first, second] = split(joined, [7, 10]);
        return {
          joined,
          first: first!,
          second: second!,
          cut: slice(joined, [0, 3, 1, 2, 0], [2, 11, 7, 10, 11]),
          padded: pad(b!, [0, 1, 0, 2, 3], [1, 0, 2, 0, 1], -25),
          turned: permute(joined, [0, 2, 4, 1, 3]),
          deep: concat([a!, a!], 2),
        };
      },
      sums: 0,
    },
    {
      op: 'pool',
      name: `large/pool-${dtype}`,
      // Few values, so that there are ties; of q32 so large that fp32 could not tell them apart.
      inputs: { k: integers(dtype, [2, 9, 13, 15, 14], 3), e: exponent(dtype) },
      build: (g, { k, e }) => {
        const shifted = dtype === 'q32' ? add(k!, fillLike(g, k!, 2 ** 29)) : k!;
        return {
          a: maxPool(shifted, 2),
          b: maxPool(shifted, 3, { stride: 2, padding: 1 }),
          // The gradient of a maximum is a float.
          y: dequantize(maxPool(quantize(dequantize(k!, e!), e!, dtype), 3, { stride: 2, padding: 1 }), e!),
        };
      },
      sums: 0,
    },
  ];
}

function fillLike(g: GraphBuilder, x: Tensor, value: number): Tensor {
  return emit(g, 'fill', [], { shape: x.shape, value, dtype: x.dtype })[0]!;
}

/** A maximum through the grid: gradients find the maxima of the integers. */
function poolGradients(dtype: FixedDType): OpCase {
  return {
    op: 'poolGrad',
    name: `large/pool-grad-${dtype}`,
    inputs: { x: { shape: [2, 9, 13, 15, 14] }, e: exponent(dtype) },
    build: (_g, { x, e }) => ({
      y: dequantize(maxPool(quantize(x!, e!, dtype), 3, { stride: 2, padding: 1 }), e!),
    }),
    gradient: ['x'],
    sums: 0,
    gradientSums: 8,
    bf16: ['x'],
  };
}

function norms(dtype: FixedDType, c: number): OpCase {
  return {
    op: 'normAct',
    name: `large/norm-${dtype}-${c}`,
    inputs: {
      k: integers(dtype, [2, c, 9, 13, 11], dtype === 'q16' ? 12 : 23),
      gamma: { shape: [c] },
      beta: { shape: [c] },
      e: exponent(dtype),
      dy: { shape: [2, c, 9, 13, 11] },
    },
    build: (g, { k, gamma, beta, e, dy }) => {
      const attrs = { mode: 'group', groups: c, eps: 1e-5, slope: 0.01 } as const;
      const [y, mean, rstd] = emit(g, 'normAct', [k!, gamma!, beta!, e!], { ...attrs, to: 'f32' });
      const { mode, groups, slope } = attrs;
      const operands = [k!, gamma!, beta!, mean!, rstd!, e!];
      const [narrow] = emit(g, 'normApply', operands, { mode, groups, slope, to: 'bf16' });
      // A slope of 1: the branch near zero must not hang on the last bit of the statistics.
      const gradient = emit(g, 'normActGrad', [k!, gamma!, beta!, mean!, rstd!, dy!, e!], { ...attrs, slope: 1 });
      return { y: y!, mean: mean!, rstd: rstd!, narrow: narrow!, ...named(['dx', 'dgamma', 'dbeta'], gradient) };
    },
    sums: 1287,
    term: 4,
  };
}

interface Resampling {
  readonly what: string;
  readonly large: Shape;
  readonly stride: readonly number[];
  readonly order: SqueezeOrder;
}

const RESAMPLINGS: readonly Resampling[] = [
  { what: 'usual', large: [1, 30, 4, 8, 18], stride: [2, 2, 2], order: 'offsetMajor' },
  { what: 'channel-major', large: [2, 7, 6, 14, 14], stride: [2, 2, 2], order: 'channelMajor' },
  { what: 'flat', large: [1, 5, 3, 36, 34], stride: [1, 2, 2], order: 'channelMajor' },
  { what: 'one-channel', large: [1, 1, 12, 22, 66], stride: [2, 1, 2], order: 'offsetMajor' },
  // More channels than a tile of eight planes holds.
  { what: 'wide', large: [1, 1030, 2, 4, 2], stride: [2, 2, 2], order: 'channelMajor' },
];

function small({ large, stride }: Resampling): Shape {
  const voxels = stride.reduce((p, s) => p * s, 1);
  return [large[0]!, large[1]! * voxels, ...large.slice(2).map((s, i) => s / stride[i]!)];
}

function both(r: Resampling): OpCase[] {
  const { what, large, stride, order } = r;
  const voxels = stride.reduce((p, s) => p * s, 1);
  const pairs = (voxels * (voxels - 1)) / 2;
  const [down, up] = [{ order }, { order, up: true }];
  const floats = (kind: 'given' | 'haar' | 'lifting', count = 1): OpCase => ({
    op: 'resample',
    name: `large/${kind}${count > 1 ? '-per-channel' : ''}-${what}`,
    inputs: {
      x: { shape: large },
      y: { shape: small(r) },
      ...(kind === 'given' ? { q: { shape: [count, voxels, voxels] } } : {}),
    },
    build: (_g, { x, y, q }) => ({
      down: resample(x!, kind, stride, down, q ? [q] : []),
      up: resample(y!, kind, stride, up, q ? [q] : []),
    }),
    gradient: kind === 'given' ? ['x', 'y', 'q'] : ['x', 'y'],
    bf16: ['x', 'y'],
    sums: voxels,
    gradientSums: 2 * large.reduce((p, s) => p * s, 1),
  });
  return [
    {
      op: 'squeeze',
      name: `large/squeeze-${what}`,
      inputs: { x: { shape: large }, y: { shape: small(r) }, k: integers('q16', large), b: integers('q32', large) },
      build: (_g, { x, y, k, b }) => ({
        down: squeeze(x!, stride, order),
        up: unsqueeze(y!, stride, order),
        k: squeeze(k!, stride, order),
        b: squeeze(cast(b!, 'u8'), stride, order),
      }),
      bf16: ['x', 'y'],
      sums: 0,
    },
    floats('given'),
    floats('given', large[1]!),
    floats('haar'),
    floats('lifting'),
    ...TYPES.flatMap((dtype): OpCase[] => [
      {
        op: 'resample',
        name: `large/lifting-${dtype}-${what}`,
        inputs: { x: integers(dtype, large), y: integers(dtype, small(r)) },
        build: (_g, { x, y }) => ({
          down: resample(x!, 'lifting', stride, down),
          up: resample(y!, 'lifting', stride, up),
          back: resample(resample(x!, 'lifting', stride, down), 'lifting', stride, up),
        }),
        sums: 0,
      },
      {
        op: 'resample',
        name: `large/givens-${dtype}-${what}`,
        inputs: {
          x: integers(dtype, large),
          y: integers(dtype, small(r)),
          angles: { shape: [large[1]!, pairs], values: { kind: 'uniform', low: -1.5, high: 1.5 } },
          e: exponent(dtype),
        },
        build: (_g, { x, y, angles, e }) => ({
          down: resample(x!, 'givens', stride, down, [angles!, e!]),
          up: resample(y!, 'givens', stride, up, [angles!, e!]),
        }),
        sums: 0,
      },
    ]),
  ];
}

/** Angles near pi: factors so large that products leave 32 bits by far. */
const TURNS: OpCase = {
  op: 'resample',
  name: 'large/givens-half-turns',
  inputs: {
    x: integers('q32', [1, 3, 4, 8, 8]),
    angles: { shape: [1, 1], values: { kind: 'list', values: [3.1415925] } },
    e: exponent('q32'),
  },
  build: (_g, { x, angles, e }) => {
    const down = resample(x!, 'givens', [2, 1, 1], {}, [angles!, e!]);
    return { down, back: resample(down, 'givens', [2, 1, 1], { up: true }, [angles!, e!]) };
  },
  sums: 0,
};

export const LARGE_STREAM_CASES: readonly OpCase[] = [
  ...TYPES.flatMap((dtype) => [
    ...grids(dtype),
    poolGradients(dtype),
    ...[1, 3, 16, 30, 130].map((c) => norms(dtype, c)),
  ]),
  ...RESAMPLINGS.flatMap(both),
  ...ORDERS.flatMap((order): OpCase[] => [
    {
      // Blocks of 64 and of 6 voxels.
      op: 'resample',
      name: `large/given-odd-blocks-${order}`,
      inputs: {
        x: { shape: [1, 130, 4, 4, 8] },
        q: { shape: [130, 64, 64] },
        z: { shape: [2, 11, 6, 5, 30] },
        p: { shape: [1, 6, 6] },
      },
      build: (_g, { x, q, z, p }) => ({
        many: resample(x!, 'given', [4, 4, 4], { order }, [q!]),
        six: resample(z!, 'given', [3, 1, 2], { order }, [p!]),
      }),
      gradient: ['x', 'q', 'z', 'p'],
      sums: 64,
      gradientSums: 40000,
    },
  ]),
  TURNS,
];
