/**
 * Softmax cross-entropy, mean over voxels: loss = mean over voxels v with label l(v) != ignore of -log softmax(x)[l(v)].
 * Zero when no voxel counts. Labels outside 0..C-1 (other than `ignore`) make the loss NaN, so that they are seen.
 * Operands logits [N, C, ...], labels u8 [N, 1, ...]. Results loss [] f32 and the number of voxels that count, [] f32.
 */

import { elementCount } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import { checkLabels } from './labels.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = {
  /** Label value left out, or -1. */
  ignore: 'int',
} as const satisfies AttrSchema;

export const crossEntropyOp: OpDefinition<typeof attrs> = {
  name: 'crossEntropy',
  attrs,
  infer({ inputs, fail }) {
    checkLabels(inputs[0], inputs[1], fail);
    const scalar = { shape: [], dtype: 'f32' } as const;
    return [scalar, scalar];
  },
  gradient({ inputs, outputs, grads, attrs: a }) {
    const dloss = grads[0];
    return [
      dloss ? dloss.graph.emit('crossEntropyGrad', [inputs[0]!, inputs[1]!, outputs[1]!, dloss], a)[0]! : null,
      null,
    ];
  },
  flops: ({ inputs }) => 12 * elementCount(inputs[0]!.shape),
};

/**
 * Mean softmax cross-entropy over voxels.
 * @param logits - `[N, C, ...]` f32. @param labels - `[N, 1, ...]` u8 class indices.
 * @param options - `ignore`: label value that does not count.
 * @returns scalar f32.
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: { readonly ignore?: number } = {}): Tensor {
  return logits.graph.emit('crossEntropy', [logits, labels], { ignore: options.ignore ?? -1 })[0]!;
}
