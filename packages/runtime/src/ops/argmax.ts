/** Index of the largest channel (axis 1), u8 `[N, 1, ...]`; the lowest index wins ties. */

import type { Tensor } from '../graph/tensor.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = {} as const satisfies AttrSchema;

export const argmaxOp: OpDefinition<typeof attrs> = {
  name: 'argmax',
  attrs,
  infer({ inputs, fail }) {
    const x = inputs[0]!;
    if (x.shape.length < 2 || x.shape[1]! > 255) fail('expects axes N, C, ... with at most 255 channels');
    return [{ shape: [x.shape[0]!, 1, ...x.shape.slice(2)], dtype: 'u8' }];
  },
};

/** Class index per voxel. @param x - `[N, C, ...]`. @returns u8 `[N, 1, ...]`. */
export function argmax(x: Tensor): Tensor {
  return x.graph.emit('argmax', [x], {})[0]!;
}
