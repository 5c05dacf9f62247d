/**
 * The planner: from facts about a data set to a whole configuration. Deterministic: it measures no time and asks no device;
 * the size of the network follows from nominal speeds when a time is given.
 *
 * Sources: Isensee et al. 2021 (nnU-Net) for topology, loss, optimiser and augmentation.
 */
import type { Normalisation, Triple } from '@revoxel/imaging';
import { trainingStep, type ModelConfig } from '@revoxel/models';
import { compile, type BackendProfile } from '@revoxel/runtime';
import { defaultAugmentation } from '../augment/options.js';
import type { LabelName } from '../data/dataset-json.js';
import { planPatch, topologyFor, type Topology } from './topology.js';
import type { Plans } from './plans.js';

/** What the planner must know. */
export interface PlanFacts {
  readonly dataset: string;
  readonly channelNames: readonly string[];
  readonly labels: readonly LabelName[];
  /** Voxel edges to resample to, mm. */
  readonly spacing: Triple;
  /** Median size of the images at that spacing, voxels. */
  readonly medianShape: Triple;
  readonly normalisation: readonly Normalisation[];
}

/** Wishes. Everything left out is chosen. */
export interface PlanOptions {
  readonly model?: ModelConfig['kind'];
  readonly patch?: Triple;
  /** Default 2. */
  readonly batch?: number;
  /** Channels at full resolution. Default 32, or what can be trained in `seconds`. */
  readonly baseChannels?: number;
  /** Bytes a training step may take. Default half of the device's memory, at most 8 GiB. */
  readonly memoryBytes?: number;
  /** Time for training; decides the channels when they are not given. */
  readonly seconds?: number;
}

/** The machine that the plans are for. */
export interface PlanTarget {
  readonly profile: BackendProfile;
  readonly threads: number;
  readonly memoryBytes: number;
}

/** Sizes of network that the planner chooses from. */
const CHANNELS = [32, 24, 16, 12, 8] as const;
/** A network learns little in fewer steps, whatever its size. */
const STEPS_WANTED = 500;
/** Nominal training speed, FLOP/s a thread. Rough on purpose: it only picks one of five sizes. */
const NOMINAL_SPEED: Readonly<Record<string, number>> = { cpu: 60e9, typescript: 3e9, reference: 0.05e9 };

/** Make plans. @throws DataArgumentError when the memory is too small for any patch. */
export function makePlans(facts: PlanFacts, target: PlanTarget, options: PlanOptions = {}): Plans {
  const { batch = 2 } = options;
  const budget = options.memoryBytes ?? Math.min(target.memoryBytes / 2, 8 * 2 ** 30);
  const modelOf = (topology: Topology, baseChannels: number): ModelConfig => ({
    kind: options.model ?? 'unet3d',
    classes: facts.labels.length,
    baseChannels,
    levels: topology.strides.length,
    maxChannels: 320,
    convsPerLevel: 2,
    strides: topology.strides,
    kernels: topology.kernels,
    deepSupervision: topology.strides.length > 2,
  });
  const planOf = (topology: Topology, baseChannels: number) =>
    compile(trainingStep({ model: modelOf(topology, baseChannels), inChannels: facts.channelNames.length, batch, patch: topology.patch }), target.profile);

  const sizes = options.baseChannels === undefined ? CHANNELS : [options.baseChannels];
  const topologyOf = (baseChannels: number): Topology =>
    options.patch ? topologyFor(facts.spacing, options.patch) : planPatch(facts.spacing, facts.medianShape, budget, (t) => planOf(t, baseChannels).memory.peakBytes);

  let chosen = { baseChannels: sizes[0]!, topology: topologyOf(sizes[0]!) };
  if (options.seconds !== undefined) {
    const speed = (NOMINAL_SPEED[target.profile.name] ?? NOMINAL_SPEED['cpu']!) * target.threads;
    for (const baseChannels of sizes) {
      chosen = { baseChannels, topology: topologyOf(baseChannels) };
      if ((options.seconds * speed) / planOf(chosen.topology, baseChannels).flops >= STEPS_WANTED) break;
    }
  }
  const { topology, baseChannels } = chosen;
  return {
    version: 1,
    dataset: facts.dataset,
    channelNames: facts.channelNames,
    labels: facts.labels,
    spacing: facts.spacing,
    normalisation: facts.normalisation,
    patch: topology.patch,
    batch,
    model: modelOf(topology, baseChannels),
    loss: { batchDice: false },
    optimizer: { kind: 'sgd', momentum: 0.99, nesterov: true, weightDecay: 3e-5, clipNorm: 12 },
    learningRate: { initial: 0.01, power: 0.9, warmupSteps: 20 },
    augmentation: defaultAugmentation(topology.patch),
    foreground: 0.33,
    stepsPerEpoch: null,
    validationBatches: 4,
  };
}
