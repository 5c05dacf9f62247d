/**
 * Adam with decoupled weight decay, as nodes of the training graph.
 *
 * Source: Loshchilov and Hutter 2019 (arXiv 1711.05101).
 */
import { adamwUpdate, STEP_LEARNING_RATE, STEP_NUMBER, ZEROS, type Tensor } from '@revoxel/runtime';
import type { Parameter } from '../parameters.js';
import { clipByGlobalNorm } from './clip.js';
import type { LossScaling } from './loss-scale.js';
import { checkLists } from './sgd.js';

/** Options of `adamw`. */
export interface AdamwOptions {
  /** Default 0.9. */
  readonly beta1?: number;
  /** Default 0.999. */
  readonly beta2?: number;
  /** Default 1e-8. */
  readonly eps?: number;
  /** Decay, multiplied by the learning rate and taken from the weights. Default 0.01. */
  readonly weightDecay?: number;
  /** Largest global gradient norm; null for no clipping. Default 12. */
  readonly clipNorm?: number | null;
}

/**
 * Emit the updates of all parameters. The learning rate is the step scalar `lr`, the step number the step scalar `step`
 * (counted from 0).
 *
 * Moments are kept as persistent state named `{parameter}.moment1` and `.moment2`.
 * @param gradients - one per parameter, same shapes.
 * @param scaling - of the loss that the gradients are of, if it was scaled.
 * @returns global gradient norm before clipping, scalar f32.
 */
export function adamw(
  parameters: readonly Parameter[],
  gradients: readonly Tensor[],
  options: AdamwOptions = {},
  scaling?: LossScaling,
): Tensor {
  const { beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0.01, clipNorm = 12 } = options;
  checkLists(parameters, gradients);
  const g = parameters[0]!.tensor.graph;
  return g.phase('update', () => {
    const lr = g.step(STEP_LEARNING_RATE);
    const step = g.step(STEP_NUMBER, 'u32');
    const { norm, factor } = clipByGlobalNorm(gradients, clipNorm ?? undefined, scaling);
    parameters.forEach(({ name, tensor }, i) => {
      const m = g.state(`${name}.moment1`, tensor.shape, ZEROS, 'optimizer');
      const v = g.state(`${name}.moment2`, tensor.shape, ZEROS, 'optimizer');
      adamwUpdate(tensor, gradients[i]!, m, v, lr, factor, step, { beta1, beta2, eps, weightDecay });
    });
    return norm;
  });
}
