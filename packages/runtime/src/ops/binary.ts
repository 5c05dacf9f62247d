/**
 * Elementwise arithmetic of two operands with broadcasting: sizes equal or 1 on either side, or a rank-0 operand.
 * sub is a - b, div is a / b. Float operands of equal dtype; add and sub of fixed-point operands on one grid wrap around. Ties of max and min give the gradient to the first operand.
 */

import { isFixed } from '../graph/dtype.js';
import { broadcastShapes, sameShape, elementCount } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import type { OpDefinition } from './op.js';
import { reduceTo } from './reduce.js';
import { scale } from './scale.js';
import type { AttrSchema, AttrsOf } from './schema.js';

const attrs = {
  kind: ['add', 'sub', 'mul', 'div', 'max', 'min', 'greaterEqual', 'less'],
} as const satisfies AttrSchema;

export type BinaryKind = AttrsOf<typeof attrs>['kind'];

export const binaryOp: OpDefinition<typeof attrs> = {
  name: 'binary',
  attrs,
  onePass: true,
  infer({ inputs, attrs: { kind }, fail }) {
    const [a, b] = inputs;
    if (!a || !b || inputs.length !== 2) return fail('expects two operands');
    if (a.dtype !== b.dtype) fail(`operands have dtypes ${a.dtype} and ${b.dtype}; cast one`);
    if (isFixed(a.dtype) && kind !== 'add' && kind !== 'sub')
      fail(`${kind} has no meaning for fixed-point numbers; dequantize first`);
    const shape = broadcastShapes(a.shape, b.shape);
    return shape ? [{ shape, dtype: a.dtype }] : fail('sizes must be equal or 1 on every axis');
  },
  gradient({ inputs, outputs, grads, attrs: { kind }, needs }) {
    const [a, b] = [inputs[0]!, inputs[1]!];
    const dy = grads[0]!;
    const to = (t: Tensor, like: Tensor): Tensor => reduceTo(t, like.shape);
    switch (kind) {
      case 'add':
        return [needs[0] ? to(dy, a) : null, needs[1] ? to(dy, b) : null];
      case 'sub':
        return [needs[0] ? to(dy, a) : null, needs[1] ? to(scale(dy, -1), b) : null];
      case 'mul':
        return [needs[0] ? to(mul(dy, b), a) : null, needs[1] ? to(mul(dy, a), b) : null];
      case 'div':
        return [needs[0] ? to(div(dy, b), a) : null, needs[1] ? to(scale(div(mul(dy, outputs[0]!), b), -1), b) : null];
      case 'max':
      case 'min': {
        const first = kind === 'max' ? binary('greaterEqual', a, b) : binary('greaterEqual', b, a);
        return [needs[0] ? to(mul(dy, first), a) : null, needs[1] ? to(sub(dy, mul(dy, first)), b) : null];
      }
      case 'greaterEqual':
      case 'less':
        return [null, null];
      default:
        return kind satisfies never;
    }
  },
  inPlace({ inputs, outputs }) {
    const [a, b] = [inputs[0]!, inputs[1]!];
    const pairs: [number, number][] = [];
    if (sameShape(a.shape, outputs[0]!.shape)) pairs.push([0, 0]);
    if (sameShape(b.shape, outputs[0]!.shape)) pairs.push([0, 1]);
    return pairs;
  },
  recover(index, { kind }, inputs) {
    if (!sameShape(inputs[0]!.shape, inputs[1]!.shape)) return undefined;
    // An affine coupling's factor is never zero; what else is multiplied need not be rebuilt.
    if (kind === 'mul' && index === 0)
      return { exact: false, stream: true, emit: ([y], operands) => div(y!, operands[1]!) };
    if (kind !== 'add' && kind !== 'sub') return undefined;
    const exact = inputs[0]!.dtype === 'q16' || inputs[0]!.dtype === 'q32';
    return {
      exact,
      // Of the operands of a sum, the first is the stream.
      stream: index === 0,
      emit: ([y], operands) => {
        const other = operands[1 - index]!;
        if (kind === 'add') return sub(y!, other);
        return index === 0 ? add(y!, other) : sub(other, y!);
      },
    };
  },
  flops: ({ outputs }) => elementCount(outputs[0]!.shape),
};

/** Elementwise operation of two tensors, or of a tensor and a number. */
export function binary(kind: BinaryKind, a: Tensor, b: Tensor): Tensor {
  return a.graph.emit('binary', [a, b], { kind })[0]!;
}

/** a + b, broadcasting. */
export function add(a: Tensor, b: Tensor): Tensor {
  return binary('add', a, b);
}

/** a - b, broadcasting. */
export function sub(a: Tensor, b: Tensor): Tensor {
  return binary('sub', a, b);
}

/** a * b, broadcasting. */
export function mul(a: Tensor, b: Tensor): Tensor {
  return binary('mul', a, b);
}

/** a / b, broadcasting. */
export function div(a: Tensor, b: Tensor): Tensor {
  return binary('div', a, b);
}
