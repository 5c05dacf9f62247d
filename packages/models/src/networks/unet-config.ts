/**
 * The U-Net's configuration: defaults, checks, and everything that follows from it without tracing (channels, strides,
 * parameter names and shapes). Not the network itself (unet.ts).
 *
 * Source: Isensee et al. 2021 (nnU-Net); the defaults are those of its plain convolutional U-Net.
 */
import { ArgumentError } from '@revoxel/runtime';
import { product } from './layers.js';
import type { Precision } from './stream.js';

/** A size for all spatial axes, or one per axis (D, H, W). */
export type PerAxisSize = number | readonly number[];

/** Configuration of `unet3d`. */
export interface UnetConfig {
  /** Output channels: background included. At least 1. */
  readonly classes: number;
  /** Channels at full resolution; doubled per level. Default 32. */
  readonly baseChannels?: number;
  /** Resolutions, the full one included. At least 2. Default 5. */
  readonly levels?: number;
  /** Upper bound of the channels. Default 320. */
  readonly maxChannels?: number;
  /** Convolutions per level, in the encoder and in the decoder. Default 2. */
  readonly convsPerLevel?: number;
  /** Step into each level, `levels` entries; the first must be 1. Default 1, 2, 2, ... */
  readonly strides?: readonly PerAxisSize[];
  /** Odd kernel sizes of each level's convolutions, `levels` entries. Default 3 everywhere. */
  readonly kernels?: readonly PerAxisSize[];
  /** Heads at lower resolutions too: true for one per decoder level, or how many. Default false, which is 1. */
  readonly deepSupervision?: boolean | number;
  /** Whether convolutions before a norm carry a bias. Default true. */
  readonly convBias?: boolean;
  /** Negative slope of the leaky ReLU. Default 0.01. */
  readonly slope?: number;
  /** Added to the variance in instance norm. Default 1e-5. */
  readonly eps?: number;
  /** dtype of activations. Default: that of the input. */
  readonly precision?: Precision;
}

/** A configuration with all defaults filled in, for a given number of spatial axes. */
export interface ResolvedUnet {
  readonly classes: number;
  readonly levels: number;
  readonly convsPerLevel: number;
  /** Channels per level. */
  readonly channels: readonly number[];
  /** Step into each level, per axis. */
  readonly strides: readonly (readonly number[])[];
  /** Kernel of each level, per axis. */
  readonly kernels: readonly (readonly number[])[];
  /** Product of the strides: every spatial size of the input must be a multiple of it. */
  readonly divisor: readonly number[];
  /** Number of heads, the full resolution first. */
  readonly heads: number;
  readonly convBias: boolean;
  readonly slope: number;
  readonly eps: number;
}

/**
 * Fill in defaults and check.
 *
 * @param rank - spatial axes, 2 or 3.
 * @throws ArgumentError naming the field that does not fit.
 */
export function resolveUnet(config: UnetConfig, rank: number): ResolvedUnet {
  const {
    classes,
    baseChannels = 32,
    levels = 5,
    maxChannels = 320,
    convsPerLevel = 2,
    convBias = true,
    slope = 0.01,
    eps = 1e-5,
  } = config;
  wholeAtLeast('classes', classes, 1);
  wholeAtLeast('baseChannels', baseChannels, 1);
  wholeAtLeast('levels', levels, 2);
  wholeAtLeast('maxChannels', maxChannels, 1);
  wholeAtLeast('convsPerLevel', convsPerLevel, 1);
  const { strides, divisor } = resolveStrides(config.strides, levels, rank);
  const kernels = perLevel('kernels', config.kernels, levels, rank, () => 3);
  const even = kernels.findIndex((k) => k.some((size) => size % 2 === 0));
  if (even >= 0) throw new ArgumentError(`kernels[${even}]`, 'odd sizes (padding keeps the centre)', kernels[even]);
  return {
    classes,
    levels,
    convsPerLevel,
    channels: Array.from({ length: levels }, (_, s) => Math.min(baseChannels * 2 ** s, maxChannels)),
    strides,
    kernels,
    divisor,
    heads: resolveHeads(config.deepSupervision, levels - 1),
    convBias,
    slope,
    eps,
  };
}

/** Name and logical shape of one parameter. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
}

/**
 * Names and shapes of all parameters, by formula: encoder level by level, decoder from the coarsest level up (its
 * convolutions), up-samplings, heads; inside a block convolution weight, bias, norm weight, bias. This is the order of
 * nnU-Net's plain U-Net, so the i-th entry here is the i-th parameter there.
 *
 * @param inChannels - channels of the network's input.
 * @param rank - spatial axes, 2 or 3.
 */
export function unetParameters(config: UnetConfig, inChannels: number, rank = 3): ParameterSpec[] {
  const net = resolveUnet(config, rank);
  const list: ParameterSpec[] = [];
  const add = (name: string, ...shape: number[]): void => void list.push({ name, shape });
  const block = (path: string, inputs: number, outputs: number, kernel: readonly number[]): void => {
    add(`${path}.conv.weight`, outputs, inputs, ...kernel);
    if (net.convBias) add(`${path}.conv.bias`, outputs);
    add(`${path}.norm.weight`, outputs);
    add(`${path}.norm.bias`, outputs);
  };
  const { channels, levels, kernels, strides } = net;
  for (let s = 0; s < levels; s++) {
    for (let i = 0; i < net.convsPerLevel; i++) {
      block(
        `encoder.${s}.${i}`,
        i > 0 ? channels[s]! : s > 0 ? channels[s - 1]! : inChannels,
        channels[s]!,
        kernels[s]!,
      );
    }
  }
  const upwards = Array.from({ length: levels - 1 }, (_, d) => levels - 2 - d);
  for (const s of upwards) {
    for (let i = 0; i < net.convsPerLevel; i++)
      block(`decoder.${s}.${i}`, i > 0 ? channels[s]! : 2 * channels[s]!, channels[s]!, kernels[s]!);
  }
  for (const s of upwards) {
    add(`decoder.${s}.up.weight`, channels[s + 1]!, channels[s]!, ...strides[s + 1]!);
    if (net.convBias) add(`decoder.${s}.up.bias`, channels[s]!);
  }
  for (const s of upwards) {
    if (s >= net.heads) continue;
    add(`decoder.${s}.head.weight`, net.classes, channels[s]!, ...new Array<number>(rank).fill(1));
    add(`decoder.${s}.head.bias`, net.classes);
  }
  return list;
}

/** Number of trainable numbers, by formula. */
export function unetParameterCount(config: UnetConfig, inChannels: number, rank = 3): number {
  return unetParameters(config, inChannels, rank).reduce((sum, { shape }) => sum + product(shape), 0);
}

/** @internal */
export function wholeAtLeast(name: string, value: number, least: number): void {
  if (!(Number.isInteger(value) && value >= least))
    throw new ArgumentError(name, `an integer of at least ${least}`, value);
}

/** @internal */
export function probabilityBelowOne(name: string, value: number): void {
  if (!(value >= 0 && value < 1)) throw new ArgumentError(name, 'a probability below 1', value);
}

/** Number of heads that a `deepSupervision` field asks for. @internal */
export function resolveHeads(deepSupervision: boolean | number | undefined, most: number): number {
  const heads = deepSupervision === true ? most : deepSupervision === false ? 1 : (deepSupervision ?? 1);
  if (!(Number.isInteger(heads) && heads >= 1 && heads <= most))
    throw new ArgumentError('deepSupervision', `a boolean or a number of heads from 1 to ${most}`, heads);
  return heads;
}

/** Step into each level and their product, per axis; default 1, 2, 2, ... @internal */
export function resolveStrides(
  given: readonly PerAxisSize[] | undefined,
  levels: number,
  rank: number,
): { readonly strides: readonly (readonly number[])[]; readonly divisor: readonly number[] } {
  if (rank !== 2 && rank !== 3) throw new ArgumentError('rank', '2 or 3 spatial axes', rank);
  const strides = perLevel('strides', given, levels, rank, (l) => (l === 0 ? 1 : 2));
  if (strides[0]!.some((s) => s !== 1))
    throw new ArgumentError('strides[0]', 'a step of 1: the first level has full resolution', strides[0]);
  const ones = new Array<number>(rank).fill(1);
  return { strides, divisor: strides.reduce((all, stride) => all.map((d, axis) => d * stride[axis]!), ones) };
}

/** Sizes per level and axis, filled in and checked. */
function perLevel(
  name: string,
  given: readonly PerAxisSize[] | undefined,
  levels: number,
  rank: number,
  usual: (level: number) => number,
): number[][] {
  if (given && given.length !== levels) throw new ArgumentError(name, `${levels} entries, one per level`, given);
  return Array.from({ length: levels }, (_, s) => {
    const size = given?.[s] ?? usual(s);
    const sizes = typeof size === 'number' ? new Array<number>(rank).fill(size) : [...size];
    if (sizes.length !== rank || !sizes.every((v) => Number.isInteger(v) && v >= 1))
      throw new ArgumentError(`${name}[${s}]`, `${rank} positive integers, one per spatial axis`, size);
    return sizes;
  });
}
