/**
 * Elementwise functions of one operand. `slope` is the negative slope of leakyRelu (0 gives relu) and unused otherwise.
 * gelu is exact: x * (1 + erf(x / sqrt 2)) / 2.
 */

import { isFloat } from '../graph/dtype.js';
import { elementCount } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema, AttrsOf } from './schema.js';

export const UNARY_KINDS = ['leakyRelu', 'sigmoid', 'tanh', 'gelu', 'exp', 'log', 'sqrt', 'square', 'abs'] as const;

const attrs = { kind: UNARY_KINDS, slope: 'float' } as const satisfies AttrSchema;

export type UnaryKind = AttrsOf<typeof attrs>['kind'];

export const unaryOp: OpDefinition<typeof attrs> = {
  name: 'unary',
  attrs,
  onePass: true,
  infer({ inputs, fail }) {
    const x = inputs[0];
    if (!x || inputs.length !== 1) return fail('expects one operand');
    if (!isFloat(x.dtype)) fail(`expects a float operand, got ${x.dtype}`);
    return [x];
  },
  gradient({ inputs, grads, attrs: { kind, slope } }) {
    const x = inputs[0]!;
    return [x.graph.emit('unaryGrad', [x, grads[0]!], { kind, slope })[0]!];
  },
  inPlace: () => [[0, 0]],
  recover(_index, { kind, slope }) {
    if (kind !== 'leakyRelu' || slope <= 0) return undefined;
    return { exact: false, emit: ([y]) => leakyRelu(y!, 1 / slope) };
  },
  flops: ({ outputs, attrs: { kind } }) =>
    elementCount(outputs[0]!.shape) * (kind === 'leakyRelu' || kind === 'abs' || kind === 'square' ? 1 : 10),
};

/** Elementwise function of one float tensor. */
export function unary(kind: UnaryKind, x: Tensor, slope = 0): Tensor {
  return x.graph.emit('unary', [x], { kind, slope })[0]!;
}

/** max(x, 0). */
export function relu(x: Tensor): Tensor {
  return unary('leakyRelu', x, 0);
}

/** x where x > 0, slope * x elsewhere. */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  return unary('leakyRelu', x, slope);
}

export function sigmoid(x: Tensor): Tensor {
  return unary('sigmoid', x);
}

/** x * (1 + erf(x / sqrt 2)) / 2. @see Hendrycks and Gimpel 2016 (arXiv 1606.08415) */
export function gelu(x: Tensor): Tensor {
  return unary('gelu', x);
}
