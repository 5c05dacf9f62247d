/**
 * The usual segmentation loss: cross-entropy plus soft Dice, both on the softmax of the logits.
 *
 * Sources: Isensee et al. 2021 (nnU-Net's default); Drozdzal et al. 2016 (arXiv 1608.04117) for the Dice term.
 */
import { add, cast, crossEntropy, diceLoss, scale, softmax, type Tensor } from '@revoxel/runtime';

/** Options of `diceCrossEntropy`. */
export interface DiceCrossEntropyOptions {
  /** Dice sums run over the batch before the quotient. Default false: one quotient per sample. */
  readonly batchDice?: boolean;
  /** Added to numerator and denominator of the Dice quotient. Default 1e-5. */
  readonly smooth?: number;
  /** Label value that does not count. Default none. */
  readonly ignore?: number;
  /** Weight of the cross-entropy. Default 1. */
  readonly weightCrossEntropy?: number;
  /** Weight of the Dice term. Default 1. */
  readonly weightDice?: number;
}

/**
 * weightCrossEntropy * CE - weightDice * D, where CE is the mean over voxels and D the mean soft Dice over foreground
 * classes (and samples, unless `batchDice`).
 *
 * @param logits - `[N, C, ...]` of any float dtype, C >= 2.
 * @param labels - `[N, 1, ...]` u8 class indices.
 * @returns scalar f32; -1 at best with the default weights.
 * @throws ShapeError when logits and labels do not fit.
 */
export function diceCrossEntropy(logits: Tensor, labels: Tensor, options: DiceCrossEntropyOptions = {}): Tensor {
  const { batchDice = false, smooth = 1e-5, ignore, weightCrossEntropy = 1, weightDice = 1 } = options;
  const x = cast(logits, 'f32');
  const left = ignore === undefined ? {} : { ignore };
  const entropy = crossEntropy(x, labels, left);
  const dice = diceLoss(softmax(x), labels, { batch: batchDice, smooth, ...left });
  return add(weighted(entropy, weightCrossEntropy), weighted(dice, weightDice));
}

function weighted(loss: Tensor, weight: number): Tensor {
  return weight === 1 ? loss : scale(loss, weight);
}
