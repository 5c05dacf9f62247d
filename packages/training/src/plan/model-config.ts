/**
 * From a network's name and a few wishes to its configuration: the same words mean the same thing for every kind, for the
 * planner and for command lines. What a kind does not have is refused. Not here: defaults of the networks (@revoxel/models).
 */
import { MODEL_KINDS, type ModelConfig, type Precision, type StreamKind } from '@revoxel/models';
import { DataArgumentError } from '../data/errors.js';

/** Name of a network. */
export type ModelKind = ModelConfig['kind'];

/** What can be asked of any network; everything left out is the network's default. */
export interface ModelWishes {
  /** Channels at full resolution. */
  readonly baseChannels?: number;
  /** Resolutions, the full one included. */
  readonly levels?: number;
  /** Reversible blocks per level, on the way down and on the way up. Reversible networks only. */
  readonly blocks?: number;
  /** Storage of the reversible stream. Reversible networks only. */
  readonly stream?: StreamKind;
  /** dtype of all other activations. */
  readonly precision?: Precision;
}

/** Spatial axes of what a network is trained on here. */
export function rankOf(kind: ModelKind): 2 | 3 {
  return kind.endsWith('2d') ? 2 : 3;
}

/** Whether a network has a reversible stream. */
export function isReversible(kind: ModelKind): boolean {
  return kind !== 'unet3d';
}

/** How a network's stream is stored; undefined when it has none. */
export function streamOf(model: ModelConfig): StreamKind | undefined {
  return model.kind === 'unet3d' ? undefined : (model.stream ?? 'q16');
}

/**
 * The configuration of a network.
 *
 * @param classes - output channels, background included.
 * @param wishes - see `ModelWishes`.
 * @throws DataArgumentError for an unknown kind, or a wish that the kind does not have.
 */
export function modelConfig(kind: ModelKind, classes: number, wishes: ModelWishes = {}): ModelConfig {
  const { blocks, stream, ...shared } = wishes;
  const common = { classes, ...shared };
  const reversible = { ...common, ...(stream === undefined ? {} : { stream }) };
  const chain = blocks === undefined ? {} : { blocks };
  switch (kind) {
    case 'unet3d':
      for (const name of ['blocks', 'stream'] as const)
        if (wishes[name] !== undefined)
          throw new DataArgumentError(name, 'nothing (unet3d is not reversible)', wishes[name]);
      return { kind, ...common };
    case 'revunet3d':
      return { kind, ...reversible, ...(blocks === undefined ? {} : { encoderBlocks: blocks, decoderBlocks: blocks }) };
    case 'partially-reversible-unet3d':
      return { kind, ...reversible, ...chain };
    case 'iunet3d':
    case 'iunet2d':
    case 'irevunet3d':
    case 'irevunet2d':
      return { kind, ...reversible, ...chain };
    default:
      throw new DataArgumentError('model', `one of ${MODEL_KINDS.join(', ')}`, kind satisfies never);
  }
}
