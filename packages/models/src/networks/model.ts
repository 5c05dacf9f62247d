/**
 * Models by name: what a plans file or a command line asks for. One entry per network; the network itself is a function
 * in its own file.
 */
import { ArgumentError, type Tensor } from '@revoxel/runtime';
import { resolveUnet, unetParameterCount, unetParameters, type ParameterSpec, type UnetConfig } from './unet-config.js';
import { unet3d } from './unet.js';

/** A network and its configuration: plain data, as written into plans files. */
export type ModelConfig = { readonly kind: 'unet3d' } & UnetConfig;

/** Names that `ModelConfig.kind` can have. */
export const MODEL_KINDS = ['unet3d'] as const satisfies readonly ModelConfig['kind'][];

/**
 * Trace a model.
 *
 * @param x - `[N, C, ...]`.
 * @param heads - how many resolutions give logits, overriding the configuration; 1 is full resolution alone.
 * @returns logits, the full resolution first.
 */
export function applyModel(x: Tensor, config: ModelConfig, heads?: number): Tensor[] {
  switch (config.kind) {
    case 'unet3d': {
      const { kind: _, ...net } = config;
      return unet3d(x, heads === undefined ? net : { ...net, deepSupervision: heads });
    }
    default:
      throw new ArgumentError('model', `one of ${MODEL_KINDS.join(', ')}`, (config as { kind: unknown }).kind);
  }
}

/** What a model asks of its input: every spatial size a multiple of `divisor`; `maxHeads` resolutions can give logits. */
export function modelLimits(
  config: ModelConfig,
  rank = 3,
): { readonly divisor: readonly number[]; readonly maxHeads: number } {
  const { divisor, levels } = resolveUnet(config, rank);
  return { divisor, maxHeads: levels - 1 };
}

/** Names and shapes of a model's parameters, by formula. */
export function modelParameters(config: ModelConfig, inChannels: number, rank = 3): ParameterSpec[] {
  return unetParameters(config, inChannels, rank);
}

/** Number of trainable numbers of a model, by formula. */
export function modelParameterCount(config: ModelConfig, inChannels: number, rank = 3): number {
  return unetParameterCount(config, inChannels, rank);
}
