/**
 * The planner: from facts about a data set to a whole configuration. Deterministic: it measures no time and asks no device;
 * the size of the network follows from nominal speeds when a time is given.
 *
 * Sources: Isensee et al. 2021 (nnU-Net) for topology, loss, optimiser and augmentation.
 */
import type { Normalisation, Triple } from '@revoxel/imaging';
import { trainingStep, type ModelConfig } from '@revoxel/models';
import { compile, type BackendProfile, type Plan } from '@revoxel/runtime';
import { defaultAugmentation, type AugmentOptions } from '../augment/options.js';
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
  /** Default 2; 1 in short runs when a patch holds a whole image. */
  readonly batch?: number;
  /** Channels at full resolution. Default 32, or what can be trained in `seconds`. */
  readonly baseChannels?: number;
  /** Bytes a training step may take. Default half of the device's memory, at most 8 GiB. */
  readonly memoryBytes?: number;
  /** Time for training; decides the channels when they are not given, and whether the run is short. */
  readonly seconds?: number;
  /** Steps of the training; decides whether the run is short. */
  readonly steps?: number;
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
const STEPS_WANTED = 800;
/** Below this many steps a run is short: a momentum of 0.99 and flips of every axis need more to pay off. */
const SHORT_RUN = 5000;
/** Nominal training speed, FLOP/s a thread. Rough on purpose: it only picks one of five sizes. */
const NOMINAL_SPEED: Readonly<Record<string, number>> = { cpu: 60e9, typescript: 3e9, reference: 0.05e9 };

/**
 * Make plans.
 *
 * Long runs are nnU-Net's: SGD with a momentum of 0.99, flips of every axis. Short ones (minutes on a CPU) take AdamW, which
 * needs no build-up, and flip left and right only: images are in canonical orientation, so nothing else looks like a patient.
 * @throws DataArgumentError when the memory is too small for any patch.
 */
export function makePlans(facts: PlanFacts, target: PlanTarget, options: PlanOptions = {}): Plans {
  const { seconds, steps } = options;
  const budget = options.memoryBytes ?? Math.min(target.memoryBytes / 2, 8 * 2 ** 30);
  const speed = (NOMINAL_SPEED[target.profile.name] ?? NOMINAL_SPEED['cpu']!) * target.threads;

  const candidate = (baseChannels: number): Candidate => {
    const topologyOf = (batch: number): Topology =>
      options.patch
        ? topologyFor(facts.spacing, options.patch)
        : planPatch(
            facts.spacing,
            facts.medianShape,
            budget,
            (t) => stepPlan(facts, target, options, t, baseChannels, batch).memory.peakBytes,
          );
    const build = (batch: number): Candidate => {
      const topology = topologyOf(batch);
      const { flops } = stepPlan(facts, target, options, topology, baseChannels, batch);
      return {
        baseChannels,
        batch,
        topology,
        steps: steps ?? (seconds === undefined ? Number.POSITIVE_INFINITY : (seconds * speed) / flops),
      };
    };
    if (options.batch !== undefined) return build(options.batch);
    const usual = build(2);
    const whole = usual.topology.patch.every((n, axis) => n >= facts.medianShape[axis]!);
    return usual.steps < SHORT_RUN && whole ? build(1) : usual;
  };
  const sizes = options.baseChannels === undefined ? CHANNELS : [options.baseChannels];
  let chosen = candidate(sizes[0]!);
  if (seconds !== undefined) for (const size of sizes) if ((chosen = candidate(size)).steps >= STEPS_WANTED) break;

  const { topology, baseChannels, batch } = chosen;
  const short = chosen.steps < SHORT_RUN;
  const augmentation = defaultAugmentation(topology.patch);
  return {
    version: 1,
    dataset: facts.dataset,
    channelNames: facts.channelNames,
    labels: facts.labels,
    spacing: facts.spacing,
    normalisation: facts.normalisation,
    patch: topology.patch,
    batch,
    model: modelOf(facts, options, topology, baseChannels),
    loss: { batchDice: false },
    optimizer: short
      ? { kind: 'adamw', weightDecay: 0.01, clipNorm: 12 }
      : { kind: 'sgd', momentum: 0.99, nesterov: true, weightDecay: 3e-5, clipNorm: 12 },
    learningRate: { initial: short ? 0.005 : 0.01, power: 0.9, warmupSteps: 20 },
    augmentation: {
      ...augmentation,
      mirror: { ...augmentation.mirror, axes: mirrorAxes(augmentation.mirror.axes, facts.labels, short) },
    },
    foreground: 0.33,
    stepsPerEpoch: null,
    validationBatches: Math.ceil(8 / batch),
  };
}

interface Candidate {
  readonly baseChannels: number;
  readonly batch: number;
  readonly topology: Topology;
  /** Steps that can be expected. */
  readonly steps: number;
}

function modelOf(facts: PlanFacts, options: PlanOptions, topology: Topology, baseChannels: number): ModelConfig {
  return {
    kind: options.model ?? 'unet3d',
    classes: facts.labels.length,
    baseChannels,
    levels: topology.strides.length,
    maxChannels: 320,
    convsPerLevel: 2,
    strides: topology.strides,
    kernels: topology.kernels,
    deepSupervision: topology.strides.length > 2,
  };
}

/** The plan of a training step: its bytes and FLOPs are what the choice rests on. */
function stepPlan(
  facts: PlanFacts,
  target: PlanTarget,
  options: PlanOptions,
  topology: Topology,
  baseChannels: number,
  batch: number,
): Plan {
  const model = modelOf(facts, options, topology, baseChannels);
  return compile(
    trainingStep({ model, inChannels: facts.channelNames.length, batch, patch: topology.patch }),
    target.profile,
  );
}

/**
 * Whether a label is of one side of the body, by its name: a flip of left and right would turn it into the other one's.
 * A false alarm costs one kind of augmentation, a miss mixes the sides up. @internal
 */
export function isSided(name: string): boolean {
  const words = name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase();
  return (
    /left|right/.test(words) ||
    words.split(/[^a-z]+/).some((word) => /^(l|r|lh|rh|lt|rt|sin|dex|sinister|dexter)$/.test(word))
  );
}

/** Axes to flip, `[D, H, W]` of canonical orientation: W is left and right. */
function mirrorAxes(
  axes: AugmentOptions['mirror']['axes'],
  labels: readonly LabelName[],
  short: boolean,
): (0 | 1 | 2)[] {
  const sided = labels.some(({ name }) => isSided(name));
  return axes.filter((axis) => (axis === 2 ? !sided : !short));
}
