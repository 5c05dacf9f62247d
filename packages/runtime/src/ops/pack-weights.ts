/**
 * A backend's private form of convolution weights, kept as a derived persistent value and refreshed when the parameter
 * changes. What the numbers look like is between lowering profile and backend; `elements` is its length.
 */

import { FLOATS } from '../graph/dtype.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = {
  /** For `conv`, or for `convTranspose`. */
  form: ['forward', 'inputGrad'],
  groups: 'int',
  stride: 'ints',
  /** Length of the packed array in f32. */
  elements: 'int',
  /** What the convolution computes in. */
  activations: FLOATS,
  channelBegin: 'int',
  channelCount: 'int',
} as const satisfies AttrSchema;

export const packWeightsOp: OpDefinition<typeof attrs> = {
  name: 'packWeights',
  attrs,
  infer({ inputs, attrs: a, fail }) {
    if (inputs.length !== 1 || inputs[0]!.shape.length < 4) fail('expects convolution weights');
    return [{ shape: [a.elements], dtype: 'f32' }];
  },
  flops: () => 0,
};
