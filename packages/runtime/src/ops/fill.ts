/** A tensor of one number. No operands. */

import type { DType } from '../graph/dtype.js';
import { DTYPES } from '../graph/dtype.js';
import type { GraphBuilder } from '../graph/builder.js';
import type { Shape } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = { shape: 'ints', value: 'float', dtype: DTYPES } as const satisfies AttrSchema;

export const fillOp: OpDefinition<typeof attrs> = {
  name: 'fill',
  attrs,
  infer: ({ attrs: { shape, dtype } }) => [{ shape, dtype }],
  gradient: () => [],
  flops: () => 0,
};

/** A tensor of `shape` holding `value` everywhere. */
export function fill(graph: GraphBuilder, shape: Shape, value: number, dtype: DType = 'f32'): Tensor {
  return graph.emit('fill', [], { shape, value, dtype })[0]!;
}
