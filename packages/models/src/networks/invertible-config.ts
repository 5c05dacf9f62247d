/**
 * What the configurations of fully invertible networks share: fields, defaults, checks. Not the networks.
 */
import { ArgumentError, elementCount } from '@revoxel/runtime';
import { invertibleWidths, type InvertibleWidth } from './invertible-unet.js';
import { RESAMPLINGS, type Resampling } from './resampling.js';
import type { Precision, StreamKind } from './stream.js';
import { resolveStrides, wholeAtLeast, type PerAxisSize } from './unet-config.js';

/** Fields of all fully invertible networks. */
export interface InvertibleConfig {
  /** Output channels: background included. At least 1. */
  readonly classes: number;
  /** Step into each level, `levels` entries; the first must be 1, all others more than one voxel. Default 1, 2, 2, ... */
  readonly strides?: readonly PerAxisSize[];
  /** Added to the variance in norms. Default 1e-5. */
  readonly eps?: number;
  /** Storage of the stream. Default `q16`: 16-bit fixed point, exactly invertible. */
  readonly stream?: StreamKind;
  /** dtype of everything else. Default `f32`. */
  readonly precision?: Precision;
}

/** How resolution changes, where a network leaves the choice. */
export interface ResamplingConfig {
  /** Change of resolution. */
  readonly resampling?: Resampling;
  /** Parametrisation of learned resampling on float streams. Default `exp`. */
  readonly parametrisation?: 'exp' | 'cayley';
}

/** The shared fields with all defaults filled in. */
export interface ResolvedInvertible {
  readonly classes: number;
  readonly levels: number;
  /** Step into each level, per axis. */
  readonly strides: readonly (readonly number[])[];
  /** Product of the strides: every spatial size of the input must be a multiple of it. */
  readonly divisor: readonly number[];
  readonly resampling: Resampling;
  readonly parametrisation: 'exp' | 'cayley';
  readonly eps: number;
  readonly stream: StreamKind;
  readonly precision: Precision;
}

/** Defaults and checks of the shared fields. @throws ArgumentError naming the field that does not fit. @internal */
export function resolveInvertible(
  config: InvertibleConfig,
  levels: number,
  rank: number,
  resampling: Resampling,
  parametrisation: 'exp' | 'cayley' = 'exp',
): ResolvedInvertible {
  const { classes, eps = 1e-5, stream = 'q16', precision = 'f32' } = config;
  wholeAtLeast('classes', classes, 1);
  wholeAtLeast('levels', levels, 2);
  if (!RESAMPLINGS.includes(resampling))
    throw new ArgumentError('resampling', `one of ${RESAMPLINGS.join(', ')}`, resampling);
  if (parametrisation !== 'exp' && parametrisation !== 'cayley')
    throw new ArgumentError('parametrisation', 'exp or cayley', parametrisation);
  const { strides, divisor } = resolveStrides(config.strides, levels, rank);
  for (const [l, stride] of strides.entries()) {
    if (l > 0 && elementCount(stride) === 1)
      throw new ArgumentError(`strides[${l}]`, 'a step of more than one voxel on some axis', stride);
    if (resampling === 'haar' && stride.some((s) => s > 2))
      throw new ArgumentError(`strides[${l}]`, 'steps of 1 or 2 (Haar)', stride);
  }
  return { classes, levels, strides, divisor, resampling, parametrisation, eps, stream, precision };
}

/** Channels per level when each level wants `multiplier` times as many as the one above, up to `maxChannels`. @internal */
export function resolveWidths(
  baseChannels: number,
  multiplier: number,
  maxChannels: number,
  strides: readonly (readonly number[])[],
): InvertibleWidth[] {
  wholeAtLeast('baseChannels', baseChannels, 2);
  if (!(multiplier >= 1)) throw new ArgumentError('multiplier', 'a number of at least 1', multiplier);
  const wanted = strides.map((_, l) =>
    l === 0 ? baseChannels : Math.min(baseChannels * multiplier ** l, maxChannels),
  );
  return invertibleWidths(
    wanted,
    strides.map((stride) => elementCount(stride)),
  );
}

/** One number per level, given as one for all or as a list. @internal */
export function resolveBlocks(
  name: string,
  given: number | readonly number[] | undefined,
  levels: number,
  usual: (level: number) => number,
): number[] {
  if (typeof given === 'object' && given.length !== levels)
    throw new ArgumentError(name, `a number, or ${levels} of them, one per level`, given);
  return Array.from({ length: levels }, (_, l) => {
    const count = typeof given === 'number' ? given : (given?.[l] ?? usual(l));
    wholeAtLeast(typeof given === 'object' ? `${name}[${l}]` : name, count, 1);
    return count;
  });
}
