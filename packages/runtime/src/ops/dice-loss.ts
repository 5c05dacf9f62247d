/**
 * Soft Dice loss on probabilities. Per class c (and sample, unless `batch`): I = sum p * y, P = sum p, Y = sum y over
 * voxels; d = (2 I + smooth) / max(P + Y + smooth, 1e-8); loss = -mean of d over classes (from class 1 on unless
 * `background`) and samples. Voxels labelled `ignore` do not enter any sum.
 *
 * Operands p [N, C, ...], labels u8 [N, 1, ...]. Results loss [] f32 and the sums [B, 3 * C] f32 (I for all classes,
 * then P, then Y; B = 1 with `batch`, else N).
 * @see Drozdzal et al. 2016 (arXiv 1608.04117); nnU-Net's default (Isensee et al. 2021)
 */

import { elementCount } from '../graph/shape.js';
import type { Tensor } from '../graph/tensor.js';
import { checkLabels } from './labels.js';
import type { OpDefinition } from './op.js';
import type { AttrSchema } from './schema.js';

const attrs = { batch: 'bool', background: 'bool', smooth: 'float', ignore: 'int' } as const satisfies AttrSchema;

export const diceLossOp: OpDefinition<typeof attrs> = {
  name: 'diceLoss',
  attrs,
  infer({ inputs, attrs: a, fail }) {
    checkLabels(inputs[0], inputs[1], fail);
    const { shape } = inputs[0]!;
    if (!a.background && shape[1]! < 2) fail('needs a foreground class (channel 1) when the background is left out');
    return [
      { shape: [], dtype: 'f32' },
      { shape: [a.batch ? 1 : shape[0]!, 3 * shape[1]!], dtype: 'f32' },
    ];
  },
  gradient({ inputs, outputs, grads, attrs: a }) {
    const dloss = grads[0];
    return [dloss ? dloss.graph.emit('diceLossGrad', [inputs[0]!, inputs[1]!, outputs[1]!, dloss], a)[0]! : null, null];
  },
  flops: ({ inputs }) => 4 * elementCount(inputs[0]!.shape),
};

export interface DiceLossOptions {
  /** Sum over the batch before the quotient; default false. */
  readonly batch?: boolean;
  /** Count class 0 too; default false. */
  readonly background?: boolean;
  /** Added to numerator and denominator; default 1e-5. */
  readonly smooth?: number;
  /** Label value that does not count. */
  readonly ignore?: number;
}

/**
 * Soft Dice loss, in -1 (perfect) .. 0.
 * @param probabilities - `[N, C, ...]` f32 in 0..1. @param labels - `[N, 1, ...]` u8.
 * @returns scalar f32.
 */
export function diceLoss(probabilities: Tensor, labels: Tensor, options: DiceLossOptions = {}): Tensor {
  const { batch = false, background = false, smooth = 1e-5, ignore = -1 } = options;
  return probabilities.graph.emit('diceLoss', [probabilities, labels], { batch, background, smooth, ignore })[0]!;
}
