/**
 * Gradient of `resample` with respect to its matrix: dM_c[o, k] = sum over n, p of small[n, (c, o), p] *
 * large[n, c, p * stride + k]. Operands large [N, C, ...], small [N, C s, ...] (one dtype); result [C, s, s] f32, or
 * [1, s, s], summed over the channels, when `shared`. Fixed order of sums.
 */

import { elementCount } from '../graph/shape.js';
import { checkSpatial } from './conv-shape.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = { stride: 'ints', order: ['offsetMajor', 'channelMajor'], shared: 'bool' } as const satisfies AttrSchema;

export const resampleGradOp: OpDefinition<typeof attrs> = {
  name: 'resampleGrad',
  attrs,
  infer(call) {
    const { inputs, attrs: a, fail } = call;
    const [large, small] = inputs;
    if (!large || !small || inputs.length !== 2 || large.dtype !== small.dtype)
      return fail('expects two tensors of one dtype');
    checkSpatial(call, large.shape.length - 2, { stride: a.stride }, { stride: 1 });
    const voxels = elementCount(a.stride);
    if (elementCount(large.shape) !== elementCount(small.shape) || small.shape[1] !== large.shape[1]! * voxels)
      fail('the tensors do not belong to one resampling');
    return [{ shape: [a.shared ? 1 : large.shape[1]!, voxels, voxels], dtype: 'f32' }];
  },
  flops: ({ inputs, attrs: a }) => 2 * elementCount(inputs[0]!.shape) * elementCount(a.stride),
};
