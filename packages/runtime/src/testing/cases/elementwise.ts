/** Cases of unary, binary, scale, cast, fill, broadcast, and of NaN and infinity passing through them. */

import type { DType } from '../../graph/dtype.js';
import type { Shape } from '../../graph/shape.js';
import { binary, type BinaryKind } from '../../ops/binary.js';
import { broadcastTo } from '../../ops/broadcast.js';
import { cast } from '../../ops/cast.js';
import { fill } from '../../ops/fill.js';
import { scale } from '../../ops/scale.js';
import { unary, UNARY_KINDS, type UnaryKind } from '../../ops/unary.js';
import type { OpCase } from '../op-case.js';
import type { Distribution } from '../test-data.js';

const POSITIVE: Distribution = { kind: 'uniform', low: 0.3, high: 3 };
const WIDE: Distribution = { kind: 'uniform', low: -3, high: 3 };
const NO_KINK: Distribution = { kind: 'awayFromZero', gap: 0.1, high: 2 };

const UNARY_DATA: Readonly<Record<UnaryKind, Distribution>> = {
  leakyRelu: NO_KINK,
  sigmoid: WIDE,
  tanh: WIDE,
  gelu: WIDE,
  exp: WIDE,
  log: POSITIVE,
  sqrt: POSITIVE,
  square: WIDE,
  abs: NO_KINK,
};

function unaryCase(kind: UnaryKind, what: string, shape: Shape, slope = 0, values = UNARY_DATA[kind]): OpCase {
  return {
    op: 'unary',
    name: `unary/${kind}-${what}`,
    inputs: { x: { shape, values } },
    build: (_g, t) => ({ y: unary(kind, t['x']!, slope) }),
    gradient: ['x'],
    bf16: ['x'],
    golden: { fn: 'unary', args: { kind, slope } },
  };
}

const SPECIAL = [NaN, Infinity, -Infinity, 0, -0, 1, -1, 1e-30, 3e38, -3e38];

function unarySpecial(kind: UnaryKind, slope = 0): OpCase {
  return {
    op: 'unary',
    name: `unary/${kind}-special-values`,
    inputs: { x: { shape: [2, 5, 3, 3], values: { kind: 'list', values: SPECIAL } } },
    build: (_g, t) => ({ y: unary(kind, t['x']!, slope) }),
    nan: true,
    golden: { fn: 'unary', args: { kind, slope } },
  };
}

/** Tails, where a careless formula overflows or cancels. */
function unaryTails(kind: UnaryKind): OpCase {
  const values = [-100, -40, -20, -9, -6, -4, 4, 6, 9, 20, 40, 80];
  return {
    op: 'unary',
    name: `unary/${kind}-tails`,
    inputs: { x: { shape: [1, 3, 2, 2], values: { kind: 'list', values } } },
    build: (_g, t) => ({ y: unary(kind, t['x']!) }),
    golden: { fn: 'unary', args: { kind, slope: 0 } },
  };
}

export const UNARY_CASES: readonly OpCase[] = [
  ...UNARY_KINDS.map((kind) => unaryCase(kind, '3d', [2, 3, 3, 5, 4], kind === 'leakyRelu' ? 0.01 : 0)),
  ...UNARY_KINDS.map((kind) => unaryCase(kind, 'odd', [1, 17, 3, 7])),
  unaryCase('leakyRelu', 'negative-slope', [3, 5], -0.5),
  unaryCase('sigmoid', 'scalar', []),
  unaryCase('gelu', 'vector', [37]),
  unarySpecial('leakyRelu'),
  unarySpecial('sigmoid'),
  unarySpecial('tanh'),
  unarySpecial('abs'),
  unarySpecial('square'),
  unaryTails('sigmoid'),
  unaryTails('tanh'),
  unaryTails('gelu'),
];

const DIFFERENTIABLE = ['add', 'sub', 'mul', 'div', 'max', 'min'] as const;

function binaryCase(
  kind: BinaryKind,
  what: string,
  a: Shape,
  b: Shape,
  values: Distribution = { kind: 'uniform', low: -1, high: 1 },
): OpCase {
  const size = (s: Shape): number => s.reduce((x, y) => x * y, 1);
  const apart = kind === 'max' || kind === 'min';
  return {
    op: 'binary',
    name: `binary/${kind}-${what}`,
    inputs: {
      a: { shape: a, values: apart ? { kind: 'uniform', low: 0, high: 1 } : values },
      // Differences of max and min operands stay away from 0: b is near 2 or near -1.
      b: {
        shape: b,
        values: apart
          ? { kind: 'awayFromZero', gap: 1.2, high: 2 }
          : kind === 'div'
            ? { kind: 'awayFromZero', gap: 0.5, high: 2 }
            : values,
      },
    },
    build: (_g, t) => ({ y: binary(kind, t['a']!, t['b']!) }),
    ...(kind === 'greaterEqual' || kind === 'less' ? {} : { gradient: ['a', 'b'] }),
    // Gradients of a broadcast operand sum over what it was repeated to.
    gradientSums: Math.max(size(a), size(b)),
    term: kind === 'div' ? 4 : 1,
    bf16: ['a', 'b'],
    golden: { fn: 'binary', args: { kind } },
  };
}

export const BINARY_CASES: readonly OpCase[] = [
  ...DIFFERENTIABLE.map((kind) => binaryCase(kind, 'same', [2, 3, 3, 4, 5], [2, 3, 3, 4, 5])),
  ...DIFFERENTIABLE.map((kind) => binaryCase(kind, 'per-channel', [2, 5, 3, 4], [1, 5, 1, 1])),
  ...DIFFERENTIABLE.map((kind) => binaryCase(kind, 'scalar-right', [1, 3, 2, 3, 5], [])),
  binaryCase('sub', 'scalar-left', [], [2, 3, 3, 3]),
  binaryCase('div', 'scalar-left', [], [2, 3, 3, 3]),
  binaryCase('mul', 'per-voxel', [2, 1, 3, 4, 2], [2, 5, 3, 4, 2]),
  binaryCase('add', 'both-sides', [2, 1, 3, 1], [1, 4, 1, 5]),
  binaryCase('add', 'rank2-row', [3, 17], [1, 17]),
  binaryCase('sub', 'rank2-column', [3, 1], [3, 5]),
  binaryCase('mul', 'vector', [37], [37]),
  binaryCase('mul', 'scalars', [], []),
  binaryCase('greaterEqual', 'ties', [2, 3, 4], [2, 3, 4], { kind: 'list', values: [0, 1, -1, 0, 2] }),
  binaryCase('less', 'broadcast', [2, 3, 4, 2], [1, 3, 1, 1], { kind: 'list', values: [0, 1, -1, 0.5, 2, -3, 1] }),
  ...(['add', 'mul', 'max', 'min', 'div'] as const).map((kind): OpCase => ({
    op: 'binary',
    name: `binary/${kind}-special-values`,
    inputs: {
      a: { shape: [10, 10], values: { kind: 'list', values: SPECIAL.flatMap((v) => new Array<number>(10).fill(v)) } },
      b: { shape: [10, 10], values: { kind: 'list', values: SPECIAL } },
    },
    build: (_g, t) => ({ y: binary(kind, t['a']!, t['b']!) }),
    nan: true,
    golden: { fn: 'binary', args: { kind } },
  })),
];

function castCase(from: DType, to: DType, values: readonly number[]): OpCase {
  return {
    op: 'cast',
    name: `cast/${from}-${to}`,
    inputs: { x: { shape: [1, values.length, 1, 1], dtype: from, values: { kind: 'list', values } } },
    build: (_g, t) => ({ y: cast(t['x']!, to) }),
    sums: 0,
    nan: true,
    ...(from === 'f16' || to === 'f16' ? {} : { golden: { fn: 'cast', args: { from, to } } }),
  };
}

const ROUNDING = [
  0, -0, 0.5, 1.5, 2.5, -0.5, -1.5, 0.49999997, 254.5, 255.5, 256.5, -3, 3e9, 5e9, -3e9, 2147483648, -2147483648,
];

export const CAST_CASES: readonly OpCase[] = [
  // 1 + 2^-8 and 1 + 3 * 2^-8 lie halfway between bf16 neighbours; the last rounds up to infinity.
  castCase('f32', 'bf16', [
    1 + 2 ** -8,
    1 + 3 * 2 ** -8,
    1 + 2 ** -8 + 2 ** -20,
    -1 - 2 ** -8,
    1e-40,
    3.3e38,
    0.1,
    -0.3,
    3.4e38,
    65535.7,
  ]),
  castCase('f32', 'u8', [...ROUNDING, NaN, Infinity, -Infinity]),
  castCase('f32', 'i32', [...ROUNDING, NaN, Infinity, -Infinity]),
  castCase('f32', 'u32', [...ROUNDING, NaN, Infinity, -Infinity]),
  castCase('bf16', 'f32', [1.5, -0.1, 3e38, 1e-39, NaN, Infinity]),
  // The same at f16, where subnormals count: 2^-24 is the smallest, half of it goes to zero; from 65520 on infinity.
  castCase('f32', 'f16', [
    1 + 2 ** -11,
    1 + 3 * 2 ** -11,
    1 + 2 ** -11 + 2 ** -20,
    -1 - 2 ** -11,
    2 ** -14 - 2 ** -26,
    3 * 2 ** -25,
    5 * 2 ** -25,
    -(2 ** -25),
    2 ** -25 + 2 ** -40,
    1e-40,
    0.1,
    -0.3,
    65519.9,
    -65520,
    3.4e38,
    NaN,
    -Infinity,
  ]),
  castCase('f16', 'f32', [1.5, -0.1, 65504, 6e-8, 3e-6, -0, NaN, Infinity]),
  castCase('f16', 'bf16', [1.5, -0.1, 65504, 6e-8, NaN]),
  castCase('bf16', 'f16', [1.5, -0.1, 3e38, 6e-8, NaN]),
  castCase('f16', 'u8', [0.5, 1.5, -3, 254.5, 300, NaN]),
  castCase('i32', 'f16', [0, -1, 2049, 2051, 65519, 65520, -2147483648]),
  castCase('u8', 'f32', [0, 1, 127, 128, 255]),
  castCase('i32', 'f32', [0, -1, 16777217, -2147483648, 2147483647]),
  castCase('u8', 'i32', [0, 1, 200, 255]),
  {
    op: 'cast',
    name: 'cast/gradient-through-bf16',
    inputs: { x: { shape: [2, 3, 4, 3], values: { kind: 'list', values: [0.5, -1.25, 2, 0.75, -3] } } },
    // The gradient of rounding is taken as one (itself rounded on its way), so differences cannot check it.
    build: (_g, t) => ({ y: cast(cast(t['x']!, 'bf16'), 'f32') }),
    gradient: ['x'],
    noDifferences: true,
    sums: 0,
    golden: { fn: 'castThroughBf16' },
  },
  {
    op: 'cast',
    name: 'cast/gradient-through-f16',
    inputs: { x: { shape: [2, 3, 4, 3], values: { kind: 'list', values: [0.5, -1.25, 2, 0.75, -3] } } },
    build: (_g, t) => ({ y: cast(cast(t['x']!, 'f16'), 'f32') }),
    gradient: ['x'],
    noDifferences: true,
    sums: 0,
  },
];

export const SCALE_CASES: readonly OpCase[] = [
  ...(
    [
      ['3d', [2, 3, 3, 4, 5], -1.7, 0.3],
      ['odd', [1, 17, 3, 3], 3, 0],
      ['scalar', [], 0.25, -1],
      ['zero-factor', [2, 5], 0, 2],
    ] as const
  ).map(([what, shape, factor, offset]): OpCase => ({
    op: 'scale',
    name: `scale/${what}`,
    inputs: { x: { shape } },
    build: (_g, t) => ({ y: scale(t['x']!, factor, offset) }),
    gradient: ['x'],
    term: 3,
    bf16: ['x'],
    golden: { fn: 'scale', args: { factor, offset } },
  })),
];

export const FILL_CASES: readonly OpCase[] = (
  [
    ['f32', [2, 3, 4, 1], 1.5],
    ['bf16', [5], -0.3],
    ['f16', [7], -0.3],
    ['u8', [1, 1, 3, 3], 255],
    ['i32', [], -7],
  ] as const
).map(([dtype, shape, value]): OpCase => ({
  op: 'fill',
  name: `fill/${dtype}`,
  inputs: {},
  build: (g) => ({ y: fill(g, shape, value, dtype) }),
  sums: 0,
  ...(dtype === 'f16' ? {} : { golden: { fn: 'fill', args: { shape, value, dtype } } }),
}));

export const BROADCAST_CASES: readonly OpCase[] = (
  [
    ['scalar', [], [2, 3, 2, 3]],
    ['channels', [1, 5, 1, 1, 1], [2, 5, 3, 2, 3]],
    ['voxels', [2, 1, 3, 4], [2, 17, 3, 4]],
    ['middle', [2, 3, 1, 4], [2, 3, 5, 4]],
    ['batch', [1, 3], [4, 3]],
  ] as const
).map(([what, from, to]): OpCase => ({
  op: 'broadcast',
  name: `broadcast/${what}`,
  inputs: { x: { shape: from } },
  build: (_g, t) => ({ y: broadcastTo(t['x']!, to) }),
  gradient: ['x'],
  sums: 0,
  gradientSums: to.reduce<number>((a, b) => a * b, 1),
  bf16: ['x'],
  golden: { fn: 'broadcast', args: { shape: to } },
}));
