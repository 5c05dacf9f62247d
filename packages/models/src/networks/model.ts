/**
 * Models by name: what a plans file or a command line asks for. One entry per network; the network itself is a function
 * in its own file.
 */
import { ArgumentError, trace, type Tensor } from '@revoxel/runtime';
import { resolveIrevunet, irevunet2d, irevunet3d, type IrevunetConfig } from './irevunet.js';
import { iunet2d, iunet3d, resolveIunet, type IunetConfig } from './iunet.js';
import { product } from './layers.js';
import {
  partiallyReversibleParameters,
  resolvePartiallyReversible,
  type PartiallyReversibleConfig,
} from './partially-reversible-config.js';
import { partiallyReversibleUnet3d } from './partially-reversible-unet.js';
import type { TraceOptions } from './reversible-block.js';
import { resolveRevunet, revunet3d, type RevunetConfig } from './revunet.js';
import { resolveUnet, unetParameters, type ParameterSpec, type UnetConfig } from './unet-config.js';
import { unet3d } from './unet.js';

/** A network and its configuration: plain data, as written into plans files. */
export type ModelConfig =
  | ({ readonly kind: 'unet3d' } & UnetConfig)
  | ({ readonly kind: 'partially-reversible-unet3d' } & PartiallyReversibleConfig)
  | ({ readonly kind: 'iunet3d' | 'iunet2d' } & IunetConfig)
  | ({ readonly kind: 'irevunet3d' | 'irevunet2d' } & IrevunetConfig)
  | ({ readonly kind: 'revunet3d' } & RevunetConfig);

/** Names that `ModelConfig.kind` can have. */
export const MODEL_KINDS = [
  'unet3d',
  'partially-reversible-unet3d',
  'revunet3d',
  'iunet3d',
  'iunet2d',
  'irevunet3d',
  'irevunet2d',
] as const satisfies readonly ModelConfig['kind'][];

/** Options of `applyModel`. */
export interface ApplyModelOptions extends TraceOptions {
  /** How many resolutions give logits, overriding the configuration; 1 is full resolution alone. */
  readonly heads?: number;
}

/**
 * Trace a model.
 *
 * @param x - `[N, C, ...]`; kinds that end in 2d take two spatial axes, iunet3d and irevunet3d three, the others either.
 * @returns logits, the full resolution first; dtype `precision`, or that of x.
 * @throws ShapeError or ArgumentError when the sizes of x or the configuration do not fit.
 */
export function applyModel(x: Tensor, config: ModelConfig, options: ApplyModelOptions = {}): Tensor[] {
  const { heads } = options;
  switch (config.kind) {
    case 'unet3d':
      return unet3d(x, heads === undefined ? config : { ...config, deepSupervision: heads });
    case 'partially-reversible-unet3d':
      return partiallyReversibleUnet3d(x, config, options);
    case 'revunet3d':
      return revunet3d(x, heads === undefined ? config : { ...config, deepSupervision: heads }, options);
    case 'iunet3d':
      return iunet3d(x, config);
    case 'iunet2d':
      return iunet2d(x, config);
    case 'irevunet3d':
      return irevunet3d(x, config, options);
    case 'irevunet2d':
      return irevunet2d(x, config, options);
    default:
      return unknownModel(config);
  }
}

/** What a model asks of its input, and how many heads it can have. */
export interface ModelLimits {
  /** Every spatial size of the input must be a multiple of it, axis by axis. */
  readonly divisor: readonly number[];
  /** Resolutions that can give logits. */
  readonly maxHeads: number;
}

/**
 * What a model asks of its input, and how many heads it can have.
 *
 * @param rank - spatial axes of the input.
 * @throws ArgumentError when the configuration does not fit, or is for another number of axes.
 */
export function modelLimits(config: ModelConfig, rank = 3): ModelLimits {
  switch (config.kind) {
    case 'unet3d': {
      const { divisor, levels } = resolveUnet(config, rank);
      return { divisor, maxHeads: levels - 1 };
    }
    case 'partially-reversible-unet3d':
      return { divisor: resolvePartiallyReversible(config, rank).divisor, maxHeads: 1 };
    case 'revunet3d': {
      const { divisor, levels } = resolveRevunet(config, rank);
      return { divisor, maxHeads: levels - 1 };
    }
    case 'iunet3d':
    case 'iunet2d':
      return { divisor: resolveIunet(config, rankOf(config, rank)).divisor, maxHeads: 1 };
    case 'irevunet3d':
    case 'irevunet2d':
      return { divisor: resolveIrevunet(config, rankOf(config, rank)).divisor, maxHeads: 1 };
    default:
      return unknownModel(config);
  }
}

/** Names and shapes of a model's parameters, in the order of `graph.parameters()` or of the network's formula. */
export function modelParameters(config: ModelConfig, inChannels: number, rank = 3): ParameterSpec[] {
  switch (config.kind) {
    case 'unet3d':
      return unetParameters(config, inChannels, rank);
    case 'partially-reversible-unet3d':
      return partiallyReversibleParameters(config, inChannels, rank);
    default:
      return tracedParameters(config, inChannels, rank);
  }
}

/** Number of trainable numbers of a model. */
export function modelParameterCount(config: ModelConfig, inChannels: number, rank = 3): number {
  return modelParameters(config, inChannels, rank).reduce((sum, { shape }) => sum + product(shape), 0);
}

/** The rank, which kinds made for one only insist on. */
function rankOf({ kind }: ModelConfig, rank: number): number {
  const own = kind.endsWith('2d') ? 2 : 3;
  if (rank !== own) throw new ArgumentError('rank', `${own} spatial axes (${kind})`, rank);
  return own;
}

/** Parameters that a network declares for the smallest input it takes. */
function tracedParameters(config: ModelConfig, inChannels: number, rank: number): ParameterSpec[] {
  const spatial = modelLimits(config, rank).divisor.map((d) => 2 * d);
  const list: ParameterSpec[] = [];
  trace('parameters', (g) => {
    applyModel(g.input('image', [1, inChannels, ...spatial]), config);
    for (const { name, tensor } of g.parameters()) list.push({ name, shape: tensor.shape });
  });
  return list;
}

function unknownModel(config: never): never {
  throw new ArgumentError('model', `one of ${MODEL_KINDS.join(', ')}`, (config as { kind: unknown }).kind);
}
