/**
 * The state of a reversible network: how its pieces are stored, entered, left and added to. A stream is a list of channel
 * pieces, each a tensor of its own; swapping or renaming pieces costs nothing. Not here: what is added (reversible-block.ts)
 * and whether memory is saved by inverting (the compiler decides, networks never mention it).
 *
 * Sources: Gomez et al. 2017 (arXiv 1707.04585) for additive couplings; Maclaurin et al. 2015 (arXiv 1502.03492) and
 * MacKay et al. 2018 (arXiv 1810.10999) for fixed point, which makes their inversion exact.
 */
import {
  add,
  ArgumentError,
  cast,
  couple,
  dequantize,
  FLOATS,
  isFixed,
  isFloat,
  quantize,
  START_EXPONENT,
  type FixedDType,
  type FloatDType,
  type GraphBuilder,
  type Tensor,
} from '@revoxel/runtime';

/** Storage of a stream: `q16` and `q32` are fixed point, exactly invertible; floats are invertible up to rounding. */
export type StreamKind = 'f32' | 'bf16' | FixedDType;

/** Names that `StreamKind` can have. */
export const STREAM_KINDS = ['f32', 'bf16', 'q16', 'q32'] as const satisfies readonly StreamKind[];

/** dtype of what a network computes with between leaving a stream and adding to it. */
export type Precision = FloatDType;

/** How the pieces of a stream are stored. */
export interface Grid {
  readonly kind: StreamKind;
  readonly precision: Precision;
  /** Fixed point only: f32 `[1]`, a whole number g; an element k stands for k * 2^-g. */
  readonly exponent?: Tensor;
}

/**
 * Declare a stream's grid. Fixed-point kinds get the persistent state `{scope}.{name}.exponent` `[1]`, which starts at
 * the runtime's `START_EXPONENT` and follows the range of the stream between steps (`updateStreams`).
 */
export function openGrid(g: GraphBuilder, name: string, kind: StreamKind, precision: Precision): Grid {
  if (!STREAM_KINDS.includes(kind)) throw new ArgumentError('stream', `one of ${STREAM_KINDS.join(', ')}`, kind);
  if (!isFloat(precision)) throw new ArgumentError('precision', `one of ${FLOATS.join(', ')}`, precision);
  if (!isFixed(kind)) return { kind, precision };
  const exponent = g.state(`${name}.exponent`, [1], { kind: 'constant', value: START_EXPONENT[kind] });
  return { kind, precision, exponent };
}

/**
 * Enter a stream: round to its grid, or cast to its float dtype.
 *
 * @param x - any float dtype.
 * @returns same shape, dtype `grid.kind`. The rounded number is the truth from here on.
 */
export function enter(x: Tensor, grid: Grid): Tensor {
  return isFixed(grid.kind) ? quantize(x, grid.exponent!, grid.kind) : cast(x, grid.kind);
}

/** Leave a stream: the piece as floats of `grid.precision`, same shape. */
export function leave(k: Tensor, grid: Grid): Tensor {
  return grid.exponent ? dequantize(k, grid.exponent, grid.precision) : cast(k, grid.precision);
}

/**
 * Add to a piece of a stream: k + f, f rounded to the grid (fixed point: exact, with wrap-around).
 *
 * @param k - dtype `grid.kind`. @param f - any float dtype, same shape.
 */
export function coupleAdd(k: Tensor, f: Tensor, grid: Grid): Tensor {
  return grid.exponent ? couple(k, f, grid.exponent) : add(k, cast(f, k.dtype));
}
