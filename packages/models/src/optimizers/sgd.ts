/**
 * Stochastic gradient descent with Nesterov momentum and weight decay, as nodes of the training graph.
 *
 * Sources: Sutskever et al. 2013 (Nesterov momentum); defaults of nnU-Net (Isensee et al. 2021).
 */
import { ArgumentError, sgdUpdate, STEP_LEARNING_RATE, ZEROS, type Tensor } from '@revoxel/runtime';
import type { Parameter } from '../parameters.js';
import { clipByGlobalNorm } from './clip.js';
import type { LossScaling } from './loss-scale.js';

/** Options of `sgd`. */
export interface SgdOptions {
  /** Default 0.99. */
  readonly momentum?: number;
  /** Default true. */
  readonly nesterov?: boolean;
  /** L2 decay, added to every gradient. Default 3e-5. */
  readonly weightDecay?: number;
  /** Largest global gradient norm; null for no clipping. Default 12. */
  readonly clipNorm?: number | null;
}

/**
 * Emit the updates of all parameters. The learning rate is the step scalar `lr`.
 *
 * Momentum is kept as persistent state named `{parameter}.momentum`.
 * @param gradients - one per parameter, same shapes.
 * @param scaling - of the loss that the gradients are of, if it was scaled.
 * @returns global gradient norm before clipping, scalar f32.
 */
export function sgd(
  parameters: readonly Parameter[],
  gradients: readonly Tensor[],
  options: SgdOptions = {},
  scaling?: LossScaling,
): Tensor {
  const { momentum = 0.99, nesterov = true, weightDecay = 3e-5, clipNorm = 12 } = options;
  checkLists(parameters, gradients);
  const g = parameters[0]!.tensor.graph;
  return g.phase('update', () => {
    const lr = g.step(STEP_LEARNING_RATE);
    const { norm, factor } = clipByGlobalNorm(gradients, clipNorm ?? undefined, scaling);
    parameters.forEach(({ name, tensor }, i) => {
      const m = g.state(`${name}.momentum`, tensor.shape, ZEROS, 'optimizer');
      sgdUpdate(tensor, gradients[i]!, m, lr, factor, { momentum, weightDecay, nesterov });
    });
    return norm;
  });
}

/** @internal */
export function checkLists(parameters: readonly Parameter[], gradients: readonly Tensor[]): void {
  if (parameters.length === 0) throw new ArgumentError('parameters', 'at least one parameter', parameters.length);
  if (gradients.length !== parameters.length)
    throw new ArgumentError('gradients', `${parameters.length} gradients, one per parameter`, gradients.length);
}
