/**
 * Nearest or (bi-, tri-) linear resize of the spatial axes, half-pixel centres (align_corners = false): output index o
 * samples x = (o + 0.5) * in / out - 0.5, clamped; nearest takes floor(o * in / out).
 */

import { elementCount } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import { checkSpatial, spatialOf } from './conv-shape.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema, AttrsOf } from './schema.js';

const attrs = { mode: ['nearest', 'linear'], size: 'ints' } as const satisfies AttrSchema;

export const resizeOp: OpDefinition<typeof attrs> = {
  name: 'resize',
  attrs,
  infer(call) {
    const x = call.inputs[0]!;
    checkSpatial(call, x.shape.length - 2, { size: call.attrs.size }, { size: 1 });
    return [{ shape: [x.shape[0]!, x.shape[1]!, ...call.attrs.size], dtype: x.dtype }];
  },
  gradient: ({ inputs, grads, attrs: { mode } }) => [
    grads[0]!.graph.emit('resizeGrad', [grads[0]!], { mode, size: spatialOf(inputs[0]!.shape) })[0]!,
  ],
  flops: ({ outputs, attrs: { mode, size } }) =>
    elementCount(outputs[0]!.shape) * (mode === 'linear' ? 2 ** (size.length + 1) : 0),
};

/** Resize the spatial axes to `size`. @param x - `[N, C, ...]` f32, bf16 or u8 (nearest only). */
export function resize(x: Tensor, size: readonly number[], mode: AttrsOf<typeof attrs>['mode'] = 'linear'): Tensor {
  return x.graph.emit('resize', [x], { mode, size })[0]!;
}
