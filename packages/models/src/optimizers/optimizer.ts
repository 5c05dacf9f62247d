/** Optimisers by name: what a plans file asks for. */
import type { Tensor } from '@revoxel/runtime';
import type { Parameter } from '../parameters.js';
import { adamw, type AdamwOptions } from './adamw.js';
import type { LossScaling } from './loss-scale.js';
import { sgd, type SgdOptions } from './sgd.js';

/** An optimiser and its options: plain data. */
export type OptimizerConfig = ({ readonly kind: 'sgd' } & SgdOptions) | ({ readonly kind: 'adamw' } & AdamwOptions);

/** Emit the updates of an optimiser. @returns global gradient norm before clipping, scalar f32. */
export function applyOptimizer(
  config: OptimizerConfig,
  parameters: readonly Parameter[],
  gradients: readonly Tensor[],
  scaling?: LossScaling,
): Tensor {
  switch (config.kind) {
    case 'sgd':
      return sgd(parameters, gradients, config, scaling);
    case 'adamw':
      return adamw(parameters, gradients, config, scaling);
    default:
      return config satisfies never;
  }
}
