/**
 * Fused kernel: reverse rule of `normAct`. The sign of the normalised value is recomputed from x, mean, rstd, gamma and
 * beta, so that only x has to be kept. Operands x, gamma, beta, mean, rstd, dy, and the exponent of the grid when x is
 * fixed-point (then x stands for k * 2^-g in fp32); results dx (dtype of dy), dgamma, dbeta.
 */

import { isFixed, type FloatDType } from '../graph/dtype.js';
import { elementCount } from '../graph/shape.js';
import { dequantize } from './dequantize.js';
import { checkGridOperand } from './fixed-point.js';
import { NORM_MODES } from './norm.js';
import type { OpDefinition } from './op.js';
import { add, mul, sub } from './binary.js';
import { reshape } from './reshape.js';
import type { AttrSchema } from './schema.js';
import type { Tensor } from '../graph/tensor.js';
import { broadcastTo } from './broadcast.js';
import { cast } from './cast.js';

const attrs = { mode: NORM_MODES, groups: 'int', eps: 'float', slope: 'float' } as const satisfies AttrSchema;

export const normActGradOp: OpDefinition<typeof attrs> = {
  name: 'normActGrad',
  attrs,
  infer(call) {
    const { inputs, fail } = call;
    const [x, , , , , dy] = inputs;
    if (!x || !dy) return fail('expects x, gamma, beta, mean, rstd, dy');
    checkGridOperand(call, 6);
    if (!isFixed(x.dtype) && x.dtype !== dy.dtype) fail(`x is ${x.dtype}, dy ${dy.dtype}`);
    const affine = { shape: [x.shape[1]!], dtype: 'f32' } as const;
    return [{ shape: x.shape, dtype: dy.dtype }, affine, affine];
  },
  inPlace: () => [
    [0, 5],
    [0, 0],
  ],
  flops: ({ inputs }) => 15 * elementCount(inputs[0]!.shape),
  expand([operand, gamma, beta, mean, rstd, dy, exponent], { mode, groups, eps, slope }) {
    const g = operand!.graph;
    const x = exponent ? dequantize(operand!, exponent) : operand!;
    const to = dy!.dtype as FloatDType;
    // The normalised value z from the stored statistics; its sign decides the branch of the activation.
    const z = cast(affineOf(cast(x, 'f32'), gamma!, beta!, mean!, rstd!), x.dtype);
    const dz = g.emit('unaryGrad', [z, cast(dy!, x.dtype)], { kind: 'leakyRelu', slope })[0]!;
    const [dx, dgamma, dbeta] = g.emit('normGrad', [x, gamma!, mean!, rstd!, dz], { mode, groups, eps });
    return [cast(dx!, to), dgamma!, dbeta!];
  },
};

/** gamma * (x - mean) * rstd + beta by elementary operations. */
function affineOf(x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, rstd: Tensor): Tensor {
  const c = x.shape[1]!;
  const ones = x.shape.slice(2).map(() => 1);
  const perChannel = (t: Tensor): Tensor => reshape(t, [1, c, ...ones]);
  const perGroup = (t: Tensor): Tensor => {
    const [rows, groups] = [t.shape[0]!, t.shape[1]!];
    return reshape(broadcastTo(reshape(t, [rows, groups, 1]), [rows, groups, c / groups]), [rows, c, ...ones]);
  };
  return add(mul(mul(sub(x, perGroup(mean)), perGroup(rstd)), perChannel(gamma)), perChannel(beta));
}
