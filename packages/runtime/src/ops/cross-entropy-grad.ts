/** Reverse rule of `crossEntropy`: dx = dloss * (softmax(x) - onehot) / count at voxels that count, 0 elsewhere. Operands logits, labels, count, dloss. */

import { elementCount } from '../graph/shape.js';
import { checkLabels } from './labels.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = { ignore: 'int' } as const satisfies AttrSchema;

export const crossEntropyGradOp: OpDefinition<typeof attrs> = {
  name: 'crossEntropyGrad',
  attrs,
  infer({ inputs, fail }) {
    checkLabels(inputs[0], inputs[1], fail);
    if (inputs.length !== 4) fail('expects logits, labels, count, dloss');
    return [inputs[0]!];
  },
  inPlace: () => [[0, 0]],
  flops: ({ inputs }) => 12 * elementCount(inputs[0]!.shape),
};
