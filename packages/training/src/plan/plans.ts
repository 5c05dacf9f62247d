/**
 * `plans.json`: the whole configuration of a run, made by the planner (make-plans.ts), readable and editable by people.
 * Checked when read, so that an edit that cannot work is refused with the name of the field.
 */
import type { Normalisation, Triple } from '@revoxel/imaging';
import {
  modelLimits,
  RESAMPLINGS,
  STREAM_KINDS,
  type DiceCrossEntropyOptions,
  type ModelConfig,
  type OptimizerConfig,
} from '@revoxel/models';
import { FLOATS } from '@revoxel/runtime';
import { z } from 'zod';
import type { AugmentOptions } from '../augment/options.js';
import type { LabelName } from '../data/dataset-json.js';
import { reasonOf } from '../data/errors.js';
import { RunError } from '../errors.js';
import { readJson, writeJson } from '../json.js';
import type { LearningRate } from '../train/schedule.js';

/** Configuration of a run. Axes are `[D, H, W]`. */
export interface Plans {
  readonly version: 1;
  /** Name of the data set. */
  readonly dataset: string;
  readonly channelNames: readonly string[];
  /** Ascending by value, background (0) included. */
  readonly labels: readonly LabelName[];
  /** Voxel edges every image is resampled to, mm. */
  readonly spacing: Triple;
  /** One per channel. */
  readonly normalisation: readonly Normalisation[];
  /** Voxels of a training patch. */
  readonly patch: Triple;
  /** Patches of a step. */
  readonly batch: number;
  readonly model: ModelConfig;
  readonly loss: DiceCrossEntropyOptions;
  readonly optimizer: OptimizerConfig;
  readonly learningRate: LearningRate;
  readonly augmentation: AugmentOptions;
  /** Part of each batch that is centred on foreground. */
  readonly foreground: number;
  /** Steps between two validations; null: about a twenty-fifth of the run, and enough that validation costs little. */
  readonly stepsPerEpoch: number | null;
  /** Batches of a validation. */
  readonly validationBatches: number;
}

const positive = z.number().positive();
const whole = z.number().int().positive();
const probability = z.number().min(0).max(1);
const axes3 = <T extends z.ZodType>(item: T) => z.tuple([item, item, item]);
const range = z.tuple([z.number(), z.number()]).refine(([low, high]) => low <= high, 'must be [low, high]');
const perAxis = z.union([whole, z.array(whole)]);

const perLevel = z.union([whole, z.array(whole)]);
const precision = z.enum(FLOATS).optional();
/** Fields of every network with a reversible stream. */
const reversible = {
  classes: whole,
  baseChannels: whole.optional(),
  levels: whole.optional(),
  strides: z.array(perAxis).optional(),
  slope: z.number().optional(),
  eps: positive.optional(),
  stream: z.enum(STREAM_KINDS).optional(),
  precision,
};
const dropout = z.number().min(0).lt(1).optional();
const resampling = {
  resampling: z.enum(RESAMPLINGS).optional(),
  parametrisation: z.enum(['exp', 'cayley']).optional(),
};

/** Mirrors the configurations of @revoxel/models, network by network. @internal */
export const modelSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('unet3d'),
    classes: whole,
    baseChannels: whole.optional(),
    levels: whole.optional(),
    maxChannels: whole.optional(),
    convsPerLevel: whole.optional(),
    strides: z.array(perAxis).optional(),
    kernels: z.array(perAxis).optional(),
    deepSupervision: z.union([z.boolean(), whole]).optional(),
    convBias: z.boolean().optional(),
    slope: z.number().optional(),
    eps: positive.optional(),
    precision,
  }),
  z.strictObject({
    kind: z.literal('partially-reversible-unet3d'),
    ...reversible,
    multiples: z.array(positive).optional(),
    blocks: whole.optional(),
    encoderBlocks: whole.optional(),
    decoderBlocks: whole.optional(),
    norm: z.enum(['group', 'batch']).optional(),
    groups: whole.optional(),
    dropout,
  }),
  z.strictObject({
    kind: z.literal('revunet3d'),
    ...reversible,
    multiplier: z.number().min(1).optional(),
    maxChannels: whole.optional(),
    encoderBlocks: perLevel.optional(),
    decoderBlocks: perLevel.optional(),
    deepSupervision: z.union([z.boolean(), whole]).optional(),
    residualScale: z.number().min(0).optional(),
    dropout,
  }),
  z.strictObject({
    kind: z.enum(['iunet3d', 'iunet2d']),
    ...reversible,
    ...resampling,
    multiplier: z.number().min(1).optional(),
    maxChannels: whole.optional(),
    blocks: perLevel.optional(),
    mixing: z.enum(['couplings', 'none']).optional(),
  }),
  z.strictObject({
    kind: z.enum(['irevunet3d', 'irevunet2d']),
    ...reversible,
    ...resampling,
    blocks: perLevel.optional(),
    minHidden: whole.optional(),
    maxHidden: whole.optional(),
    norm: z.enum(['instance', 'batch']).optional(),
    dropout,
  }),
]);

const optimizerSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('sgd'),
    momentum: z.number().min(0).max(1).optional(),
    nesterov: z.boolean().optional(),
    weightDecay: z.number().min(0).optional(),
    clipNorm: positive.nullable().optional(),
  }),
  z.strictObject({
    kind: z.literal('adamw'),
    beta1: z.number().min(0).max(1).optional(),
    beta2: z.number().min(0).max(1).optional(),
    eps: positive.optional(),
    weightDecay: z.number().min(0).optional(),
    clipNorm: positive.nullable().optional(),
  }),
]);

const augmentSchema = z.strictObject({
  rotation: z.strictObject({ probability, degrees: axes3(z.number()) }),
  scaling: z.strictObject({ probability, factor: range }),
  inPlane: z.boolean(),
  noise: z.strictObject({ probability, std: range }),
  blur: z.strictObject({ probability, channelProbability: probability, sigma: range }),
  brightness: z.strictObject({ probability, factor: range }),
  contrast: z.strictObject({ probability, factor: range }),
  lowResolution: z.strictObject({ probability, channelProbability: probability, factor: range }),
  invertedGamma: z.strictObject({ probability, gamma: range }),
  gamma: z.strictObject({ probability, gamma: range }),
  mirror: z.strictObject({ probability, axes: z.array(z.union([z.literal(0), z.literal(1), z.literal(2)])) }),
});

const plansSchema = z.strictObject({
  version: z.literal(1),
  dataset: z.string(),
  channelNames: z.array(z.string()).min(1),
  labels: z.array(z.strictObject({ value: z.number().int().nonnegative(), name: z.string() })).min(2),
  spacing: axes3(positive),
  normalisation: z.array(z.looseObject({ kind: z.string() })),
  patch: axes3(whole),
  batch: whole,
  model: modelSchema,
  loss: z.strictObject({
    batchDice: z.boolean().optional(),
    smooth: z.number().min(0).optional(),
    ignore: z.number().int().optional(),
    weightCrossEntropy: z.number().optional(),
    weightDice: z.number().optional(),
  }),
  optimizer: optimizerSchema,
  learningRate: z.strictObject({ initial: positive, power: positive, warmupSteps: z.number().int().nonnegative() }),
  augmentation: augmentSchema,
  foreground: probability,
  stepsPerEpoch: whole.nullable(),
  validationBatches: whole,
});

/**
 * Read and check `plans.json`.
 *
 * @throws DatasetError naming the field that is missing, unknown or out of range; RunError when fields contradict each other.
 */
export async function readPlans(file: string): Promise<Plans> {
  const plans = (await readJson(
    file,
    plansSchema,
    'correct the field, or delete the run and train again',
  )) as unknown as Plans;
  const fault = plansFault(plans);
  if (fault !== undefined) throw new RunError(file, fault, 'correct the field');
  return plans;
}

/** Write `plans.json`. */
export async function writePlans(file: string, plans: Plans): Promise<void> {
  await writeJson(file, plans);
}

/** The first contradiction between fields, or undefined. */
export function plansFault(plans: Plans): string | undefined {
  const { channelNames, labels, normalisation, model, patch } = plans;
  if (normalisation.length !== channelNames.length)
    return `"normalisation" has ${normalisation.length} entries for ${channelNames.length} channels`;
  if (model.classes !== labels.length) return `"model.classes" is ${model.classes}, there are ${labels.length} labels`;
  try {
    const { divisor } = modelLimits(model);
    const wrong = patch.findIndex((n, axis) => n % divisor[axis]! !== 0);
    if (wrong >= 0)
      return `"patch" has ${patch[wrong]!} voxels on axis ${wrong}, which is no multiple of ${divisor[wrong]!} (the model's steps)`;
  } catch (error) {
    return `"model" cannot be built (${reasonOf(error)})`;
  }
  return undefined;
}
