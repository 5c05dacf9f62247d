/** y = factor * x + offset with constant numbers. */

import { elementCount } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = { factor: 'float', offset: 'float' } as const satisfies AttrSchema;

export const scaleOp: OpDefinition<typeof attrs> = {
  name: 'scale',
  attrs,
  onePass: true,
  infer: ({ inputs, fail }) => (inputs.length === 1 ? [inputs[0]!] : fail('expects one operand')),
  gradient: ({ grads, attrs: { factor } }) => [scale(grads[0]!, factor)],
  inPlace: () => [[0, 0]],
  recover: (_index, { factor, offset }) =>
    factor === 0 ? undefined : { exact: false, emit: ([y]) => scale(y!, 1 / factor, -offset / factor) },
  flops: ({ outputs }) => 2 * elementCount(outputs[0]!.shape),
};

/** factor * x + offset. */
export function scale(x: Tensor, factor: number, offset = 0): Tensor {
  return x.graph.emit('scale', [x], { factor, offset })[0]!;
}
