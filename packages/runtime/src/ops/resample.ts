/**
 * Invertible resampling: every block of s = sz sy sx voxels of a channel is multiplied by an s x s matrix M and becomes
 * one voxel with s channels: y[n, (c, o), p] = sum over k of M_c[o, k] x[n, c, p * stride + k], k = (kz sy + ky) sx + kx.
 * Channel (c, o) of the result is c s + o (`order` channelMajor) or o C + c (offsetMajor: sub-band by sub-band).
 *
 * `form` says which map of M is applied: forward M and inverseTranspose M^-T go down (voxels into channels), inverse
 * M^-1 and transpose M^T go up. `kind` says what M is:
 *
 *   given    a second operand Q [C, s, s] or [1, s, s] f32, orthogonal (see `orthogonal`): M^-1 = M^T
 *   haar     orthonormal Haar: row o = 2^(-d/2) * product over halved axes of (+, +) if the bit of o is 0, else (-, +),
 *            with the bits of o in the order of the axes; only strides of 1 and 2
 *   lifting  per halved axis, a even and b odd sample: detail d = a - b, mean s = b + (d >> 1); z, then y, then x;
 *            bit 0 of an axis is the mean. Integers: exact, wrap-around included (S-transform). Floats: the same without
 *            rounding, s = (a + b) / 2: the straight-through gradient
 *   givens   integers only, forward and inverse: Q as a product of rotations by angles [C or 1, s (s - 1) / 2] f32 (second
 *            operand), each rotation of a pair (a, b) by t as three lifting steps a -= rne(tan(t/2) b); b += rne(sin(t) a);
 *            a -= rne(tan(t/2) b), products in fp64, results wrap; the third operand is the exponent of the grid.
 *            Pairs (i, j), i < j, in lexicographic order, the first applied first. Gradient: that of the real rotations
 *
 * @see Etmann et al. 2020 (arXiv 2005.05220); Calderbank et al. 1998 for the integer wavelet
 */

import { isFixed, isFloat, type FloatDType } from '../graph/dtype.js';
import { elementCount } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import { cast } from './cast.js';
import { checkSpatial, perAxis, type PerAxis } from './conv-shape.js';
import { dequantize } from './dequantize.js';
import { checkExponent } from './fixed-point.js';
import type { OpDefinition } from './op.js';
import { orthogonal } from './orthogonal.js';
import type { AttrSchema, AttrsOf } from './schema.js';
import { blockedShape, type SqueezeOrder } from './squeeze.js';

export const RESAMPLE_KINDS = ['given', 'haar', 'lifting', 'givens'] as const;
export const RESAMPLE_FORMS = ['forward', 'inverse', 'transpose', 'inverseTranspose'] as const;

const attrs = {
  kind: RESAMPLE_KINDS,
  stride: 'ints',
  form: RESAMPLE_FORMS,
  order: ['offsetMajor', 'channelMajor'],
} as const satisfies AttrSchema;

type Attrs = AttrsOf<typeof attrs>;

/** Kinds of invertible resampling. */
export type ResampleKind = Attrs['kind'];

const INVERSE = {
  forward: 'inverse',
  inverse: 'forward',
  transpose: 'inverseTranspose',
  inverseTranspose: 'transpose',
} as const;
const TRANSPOSE = {
  forward: 'transpose',
  transpose: 'forward',
  inverse: 'inverseTranspose',
  inverseTranspose: 'inverse',
} as const;

/** Whether a form goes from channels to voxels. @internal */
export function goesUp(form: Attrs['form']): boolean {
  return form === 'inverse' || form === 'transpose';
}

export const resampleOp: OpDefinition<typeof attrs> = {
  name: 'resample',
  attrs,
  infer(call) {
    const { inputs, attrs: a, fail } = call;
    const x = inputs[0];
    const operands = { given: 2, haar: 1, lifting: 1, givens: 3 }[a.kind];
    if (!x || inputs.length !== operands) return fail(`kind ${a.kind} expects ${operands} operands`);
    checkSpatial(call, x.shape.length - 2, { stride: a.stride }, { stride: 1 });
    const voxels = elementCount(a.stride);
    const shape = blockedShape(x.shape, a.stride, goesUp(a.form), fail);
    const channels = goesUp(a.form) ? shape[1]! : x.shape[1]!;
    if (a.kind === 'givens' ? !isFixed(x.dtype) : !isFloat(x.dtype) && !(a.kind === 'lifting' && isFixed(x.dtype)))
      fail(`kind ${a.kind} does not take ${x.dtype}`);
    if (isFixed(x.dtype) && a.form !== 'forward' && a.form !== 'inverse')
      fail('fixed-point streams go forward and back only');
    if ((a.kind === 'haar' || a.kind === 'lifting') && a.stride.some((s) => s > 2)) fail('strides must be 1 or 2');
    if (a.kind === 'given') {
      const [c, rows, columns] = inputs[1]!.shape;
      if (inputs[1]!.shape.length !== 3 || (c !== 1 && c !== channels) || rows !== voxels || columns !== voxels)
        fail(`the matrix must be [${channels} or 1, ${voxels}, ${voxels}]`);
    }
    if (a.kind === 'givens') {
      const [c, angles] = inputs[1]!.shape;
      if (inputs[1]!.shape.length !== 2 || (c !== 1 && c !== channels) || angles !== (voxels * (voxels - 1)) / 2)
        fail(`the angles must be [${channels} or 1, ${(voxels * (voxels - 1)) / 2}]`);
      checkExponent(call, inputs[2]);
    }
    return [{ shape, dtype: x.dtype }];
  },
  gradient({ inputs, grads, attrs: a, needs }) {
    const [x, matrix, exponent] = inputs;
    const g = x!.graph;
    const dy = grads[0]!;
    const form = TRANSPOSE[a.form];
    if (a.kind === 'haar' || a.kind === 'lifting') return [g.emit('resample', [dy], { ...a, form })[0]!];
    const q = a.kind === 'givens' ? orthogonal(matrix!, 'givens', elementCount(a.stride)) : matrix!;
    const dx = needs[0] ? g.emit('resample', [dy, q], { ...a, kind: 'given', form })[0]! : null;
    if (!needs[1]) return [dx, null, null].slice(0, inputs.length);
    const float = exponent ? dequantize(x!, exponent, dy.dtype as FloatDType) : cast(x!, dy.dtype);
    const [large, small] = goesUp(a.form) ? [dy, float] : [float, dy];
    const dq = g.emit('resampleGrad', [large, small], {
      stride: a.stride,
      order: a.order,
      shared: matrix!.shape[0] === 1,
    })[0]!;
    if (a.kind === 'given') return [dx, dq];
    return [dx, g.emit('orthogonalGrad', [matrix!, dq], { kind: 'givens', size: elementCount(a.stride) })[0]!, null];
  },
  recover(index, a, inputs) {
    if (index !== 0) return undefined;
    return {
      exact: isFixed(inputs[0]!.dtype),
      stream: true,
      emit: ([y], [, ...rest]) =>
        y!.graph.emit('resample', [y!, ...rest.map((t) => t!)], { ...a, form: INVERSE[a.form] })[0]!,
    };
  },
  flops: ({ outputs, attrs: a }) =>
    elementCount(outputs[0]!.shape) *
    (a.kind === 'given'
      ? 2 * elementCount(a.stride)
      : a.kind === 'givens'
        ? 6 * (elementCount(a.stride) - 1)
        : 3 * a.stride.length),
};

/**
 * Resample invertibly.
 * @param x - `[N, C, ...]`. @param stride - voxels of a block along each spatial axis.
 * @param options.up - from channels back to voxels. @param options.order - of channels; default channelMajor.
 * @param rest - `given`: the matrix `[C, s, s]`; `givens`: angles `[C, s (s - 1) / 2]` and the exponent `[1]`; C or 1 (shared).
 */
export function resample(
  x: Tensor,
  kind: ResampleKind,
  stride: PerAxis,
  options: { readonly up?: boolean; readonly order?: SqueezeOrder } = {},
  rest: readonly Tensor[] = [],
): Tensor {
  return x.graph.emit('resample', [x, ...rest], {
    kind,
    stride: perAxis(stride, x.shape.length - 2),
    form: options.up ? 'inverse' : 'forward',
    order: options.order ?? 'channelMajor',
  })[0]!;
}
