/**
 * Configuration of the partially reversible U-Net: defaults, checks, parameter names and shapes by formula. Not the
 * network itself (partially-reversible-unet.ts).
 *
 * Source: Bruegger et al. 2019 (arXiv 1906.06148); the defaults are the paper's.
 */
import { ArgumentError } from '@revoxel/runtime';
import { product } from './layers.js';
import type { Precision, StreamKind } from './stream.js';
import {
  probabilityBelowOne,
  resolveStrides,
  wholeAtLeast,
  type ParameterSpec,
  type PerAxisSize,
} from './unet-config.js';

/** Configuration of `partiallyReversibleUnet3d`. */
export interface PartiallyReversibleConfig {
  /** Output channels: background included. At least 1. */
  readonly classes: number;
  /** Channels at full resolution, an even number. Default 60. */
  readonly baseChannels?: number;
  /** Resolutions, the full one included. At least 2. Default 5. */
  readonly levels?: number;
  /** Channels of each level as multiples of `baseChannels`. Default 1, 2, 4, 6, 8, ... */
  readonly multiples?: readonly number[];
  /** Reversible blocks a level, in the encoder and in the decoder. Default 1. */
  readonly blocks?: number;
  /** Blocks a level of the encoder. Default `blocks`. */
  readonly encoderBlocks?: number;
  /** Blocks a level of the decoder. Default `blocks`. */
  readonly decoderBlocks?: number;
  /** Step into each level, `levels` entries; the first must be 1. Default 1, 2, 2, ... */
  readonly strides?: readonly PerAxisSize[];
  /** Norm of the residual functions. Default `group`. */
  readonly norm?: 'group' | 'batch';
  /** Groups of the group norm. Default half of `baseChannels`, at every level. */
  readonly groups?: number;
  /** Negative slope of the leaky ReLU. Default 0.01. */
  readonly slope?: number;
  /** Added to the variance in the norm. Default 1e-5. */
  readonly eps?: number;
  /** Probability of dropout in the residual functions, in training. Default 0. */
  readonly dropout?: number;
  /** Storage of the stream. Default `q16`: 16-bit fixed point, exactly invertible. */
  readonly stream?: StreamKind;
  /** dtype of everything else. Default `f32`. */
  readonly precision?: Precision;
}

/** A configuration with all defaults filled in. */
export interface ResolvedPartiallyReversible {
  readonly classes: number;
  readonly levels: number;
  /** Channels per level, both pieces together. */
  readonly channels: readonly number[];
  readonly encoderBlocks: number;
  readonly decoderBlocks: number;
  /** Step into each level, per axis. */
  readonly strides: readonly (readonly number[])[];
  /** Product of the strides: every spatial size of the input must be a multiple of it. */
  readonly divisor: readonly number[];
  readonly norm: 'group' | 'batch';
  readonly groups: number;
  readonly slope: number;
  readonly eps: number;
  readonly dropout: number;
  readonly stream: StreamKind;
  readonly precision: Precision;
}

/**
 * Fill in defaults and check.
 *
 * @param rank - spatial axes, 2 or 3.
 * @throws ArgumentError naming the field that does not fit.
 */
export function resolvePartiallyReversible(
  config: PartiallyReversibleConfig,
  rank: number,
): ResolvedPartiallyReversible {
  const {
    classes,
    baseChannels = 60,
    levels = 5,
    multiples = Array.from({ length: levels }, (_, l) => Math.max(1, 2 * l)),
    blocks = 1,
    encoderBlocks = blocks,
    decoderBlocks = blocks,
    norm = 'group',
    groups = baseChannels / 2,
    slope = 0.01,
    eps = 1e-5,
    dropout = 0,
    stream = 'q16',
    precision = 'f32',
  } = config;
  wholeAtLeast('classes', classes, 1);
  wholeAtLeast('levels', levels, 2);
  wholeAtLeast('encoderBlocks', encoderBlocks, 1);
  wholeAtLeast('decoderBlocks', decoderBlocks, 1);
  if (multiples.length !== levels) throw new ArgumentError('multiples', `${levels} entries, one per level`, multiples);
  const channels = multiples.map((m) => m * baseChannels);
  const odd = channels.findIndex((c) => !(Number.isInteger(c) && c >= 2 && c % 2 === 0));
  if (odd >= 0)
    throw new ArgumentError(
      odd === 0 && multiples[0] === 1 ? 'baseChannels' : `multiples[${odd}]`,
      'an even number of channels (the stream has two equal pieces)',
      channels[odd],
    );
  if (norm !== 'group' && norm !== 'batch') throw new ArgumentError('norm', 'group or batch', norm);
  if (norm === 'group') {
    const wrong = channels.find((c) => !(groups >= 1) || (c / 2) % groups !== 0);
    if (wrong !== undefined)
      throw new ArgumentError('groups', `a divisor of ${wrong / 2}, the channels of a piece`, groups);
  }
  probabilityBelowOne('dropout', dropout);
  return {
    classes,
    levels,
    channels,
    encoderBlocks,
    decoderBlocks,
    ...resolveStrides(config.strides, levels, rank),
    norm,
    groups,
    slope,
    eps,
    dropout,
    stream,
    precision,
  };
}

/**
 * Names and shapes of all parameters, by formula, in the order in which the network declares them.
 *
 * @param inChannels - channels of the network's input.
 * @param rank - spatial axes, 2 or 3.
 */
export function partiallyReversibleParameters(
  config: PartiallyReversibleConfig,
  inChannels: number,
  rank = 3,
): ParameterSpec[] {
  const net = resolvePartiallyReversible(config, rank);
  const list: ParameterSpec[] = [];
  const cube = (size: number): number[] => new Array<number>(rank).fill(size);
  const add = (name: string, ...shape: number[]): void => void list.push({ name, shape });
  const pieces = (path: string, inputs: number, outputs: number, kernel: number, bias: boolean): void => {
    for (const p of [0, 1]) {
      add(`${path}.${p}.weight`, outputs / 2, inputs, ...cube(kernel));
      if (bias) add(`${path}.${p}.bias`, outputs / 2);
    }
  };
  const blocks = (path: string, channels: number, count: number): void => {
    for (let i = 0; i < count; i++) {
      for (const f of ['f', 'g']) {
        add(`${path}.block${i}.${f}.0.norm.weight`, channels / 2);
        add(`${path}.block${i}.${f}.0.norm.bias`, channels / 2);
        add(`${path}.block${i}.${f}.0.conv.weight`, channels / 2, channels / 2, ...cube(3));
      }
    }
  };
  const { channels, levels } = net;
  pieces('stem', inChannels, channels[0]!, 3, false);
  for (let l = 0; l < levels; l++) {
    if (l > 0) pieces(`encoder.${l}.down`, channels[l - 1]!, channels[l]!, 1, true);
    blocks(`encoder.${l}`, channels[l]!, net.encoderBlocks);
  }
  for (let l = levels - 1; l >= 0; l--) {
    if (l < levels - 1) pieces(`decoder.${l}.up`, channels[l + 1]!, channels[l]!, 1, true);
    blocks(`decoder.${l}`, channels[l]!, net.decoderBlocks);
  }
  add('head.weight', net.classes, channels[0]!, ...cube(1));
  add('head.bias', net.classes);
  return list;
}

/** Number of trainable numbers, by formula. */
export function partiallyReversibleParameterCount(
  config: PartiallyReversibleConfig,
  inChannels: number,
  rank = 3,
): number {
  return partiallyReversibleParameters(config, inChannels, rank).reduce((sum, { shape }) => sum + product(shape), 0);
}
