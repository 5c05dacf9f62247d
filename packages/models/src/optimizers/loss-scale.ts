/**
 * Dynamic loss scaling for activations in f16: the gradient of a mean over millions of voxels would vanish below the
 * smallest half. The loss is multiplied by a scale that grows until gradients overflow; the step in which they do is skipped.
 *
 * Source: Micikevicius et al. 2018 (arXiv 1710.03740).
 */
import { mul, type GraphBuilder, type Tensor } from '@revoxel/runtime';

/** Scale of an untrained network, and good steps after which it doubles. */
const START = 2 ** 16;
const INTERVAL = 2000;

/** A scale, as persistent state: it is part of checkpoints. */
export interface LossScaling {
  readonly scale: Tensor;
  /** Good steps since the scale last moved. */
  readonly streak: Tensor;
  readonly interval: number;
}

/** Declare the states `lossScale` and `lossScale.streak`, scalars f32. */
export function openLossScale(g: GraphBuilder): LossScaling {
  const state = (name: string, value: number): Tensor => g.state(name, [], { kind: 'constant', value }, 'optimizer');
  return { scale: state('lossScale', START), streak: state('lossScale.streak', 0), interval: INTERVAL };
}

/** What gradients are taken of. */
export function scaledLoss(loss: Tensor, scaling: LossScaling | undefined): Tensor {
  return scaling ? mul(loss, scaling.scale) : loss;
}
