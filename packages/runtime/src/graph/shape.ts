/**
 * Shapes and the one physical layout.
 *
 * Logical shapes are N, C, then spatial axes (D, H, W or H, W). In memory every tensor of rank 3 or more is
 * channels-last: axis 1 varies fastest, all others keep their order (NDHWC, NHWC; a weight [Co, Ci, kd, kh, kw] lies
 * as [Co][kd][kh][kw][Ci]). Tensors of rank 0 to 2 lie in logical order. Host arrays given to and taken from a
 * session are in logical C order; the session converts.
 */

/** Sizes per axis, logical order. Rank 0 is a scalar. */
export type Shape = readonly number[];

/** Number of elements. */
export function elementCount(shape: Shape): number {
  let n = 1;
  for (const s of shape) n *= s;
  return n;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((s, i) => s === b[i]);
}

/** Logical axes in the order in which they lie in memory, slowest first. */
export function physicalAxes(rank: number): number[] {
  const axes = Array.from({ length: rank }, (_, i) => i);
  if (rank < 3) return axes;
  return [0, ...axes.slice(2), 1];
}

/** Element stride in memory of every logical axis. */
export function physicalStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length).fill(0);
  let stride = 1;
  for (const axis of physicalAxes(shape.length).reverse()) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

/** Element strides of a C-ordered (logical) host array. */
export function logicalStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length).fill(0);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

/**
 * The shape two operands broadcast to: equal sizes, or 1 on either side, or a rank-0 operand; ranks are otherwise equal.
 * @returns undefined when they do not fit.
 */
export function broadcastShapes(a: Shape, b: Shape): Shape | undefined {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  if (a.length !== b.length) return undefined;
  const out: number[] = [];
  for (let i = 0; i < a.length; i++) {
    const x = a[i]!;
    const y = b[i]!;
    if (x !== y && x !== 1 && y !== 1) return undefined;
    out.push(x === 1 ? y : x);
  }
  return out;
}

/** Copy a logical C-ordered array into channels-last memory (or back with `toHost`). Both of `elementCount(shape)` elements. */
export function copyLayout(
  source: ArrayLike<number>,
  target: { [index: number]: number },
  shape: Shape,
  direction: 'toPhysical' | 'toHost',
): void {
  const rank = shape.length;
  const count = elementCount(shape);
  const channels = rank < 3 ? 1 : shape[1]!;
  const inner = rank < 3 ? count : count / (shape[0]! * channels);
  if (channels === 1 || inner === 1) {
    for (let i = 0; i < count; i++) target[i] = source[i]!;
    return;
  }
  const toPhysical = direction === 'toPhysical';
  for (let n = 0; n < shape[0]!; n++) {
    const base = n * channels * inner;
    for (let c = 0; c < channels; c++) {
      let host = base + c * inner;
      let physical = base + c;
      for (let i = 0; i < inner; i++, host++, physical += channels) {
        if (toPhysical) target[physical] = source[host]!;
        else target[host] = source[physical]!;
      }
    }
  }
}
