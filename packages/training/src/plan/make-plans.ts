/**
 * The planner: from facts about a data set to a whole configuration. Deterministic: it measures no time and asks no device;
 * the size of the network follows from nominal speeds when a time is given.
 *
 * Sources: Isensee et al. 2021 (nnU-Net) for topology, loss, optimiser and augmentation.
 */
import type { Normalisation, Triple } from '@revoxel/imaging';
import { modelLimits, trainingStep, type ModelConfig, type OptimizerConfig } from '@revoxel/models';
import { compile, isFixed, type BackendProfile, type MemoryMode, type Plan } from '@revoxel/runtime';
import { defaultAugmentation, type AugmentOptions } from '../augment/options.js';
import type { LabelName } from '../data/dataset-json.js';
import { DataArgumentError } from '../data/errors.js';
import { FIXED_MODES, KEEP, type MemorySetting } from './memory-setting.js';
import { modelConfig, rankOf, streamOf, type ModelKind, type ModelWishes } from './model-config.js';
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

/**
 * Wishes. Everything left out is chosen: channels are the network's usual ones, or what can be trained in `seconds`; levels
 * follow from the patch.
 */
export interface PlanOptions extends ModelWishes {
  /** Default `unet3d`. */
  readonly model?: ModelKind;
  readonly patch?: Triple;
  /** Default 2; 1 in short runs when a patch holds a whole image. */
  readonly batch?: number;
  /** How the step will be compiled: decides how large a patch fits. Default: everything is kept. */
  readonly memory?: MemorySetting;
  /** Bytes a training step may take. Default: the budget of `memory`, or half of the device's memory, at most 8 GiB. */
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

/** Channels at full resolution that the planner chooses from: the network's usual number first. */
const CHANNELS: Readonly<Record<ModelKind, readonly number[]>> = {
  unet3d: [32, 24, 16, 12, 8],
  'partially-reversible-unet3d': [60, 48, 32, 24, 16],
  revunet3d: [32, 24, 16, 12, 8],
  iunet3d: [32, 24, 16, 12, 8],
  iunet2d: [32, 24, 16, 12, 8],
  irevunet3d: [16, 12, 8, 6, 4],
  irevunet2d: [16, 12, 8, 6, 4],
};
/** i-RevUNet keeps all voxels as channels, eight times as many with every level: more levels than this cost without use. */
const MOST_LEVELS: Readonly<Partial<Record<ModelKind, number>>> = { irevunet3d: 4 };
/** Widest level of networks that double their channels, as in nnU-Net. */
const WIDEST = 320;
/** A network learns little in fewer steps, whatever its size. */
const STEPS_WANTED = 800;
/** Below this many steps a run is short: a momentum of 0.99 and flips of every axis need more to pay off. */
const SHORT_RUN = 5000;
/** AdamW's first learning rate in short runs, chosen by hand: lower where little normalises what is added to the stream. */
const SHORT_RATE: Readonly<Record<ModelConfig['kind'], number>> = {
  unet3d: 0.005,
  revunet3d: 0.005,
  'partially-reversible-unet3d': 0.002,
  iunet3d: 0.002,
  iunet2d: 0.002,
  irevunet3d: 0.002,
  irevunet2d: 0.002,
};
/** Nominal training speed, FLOP/s a thread. Rough on purpose: it only picks one of five sizes. */
const NOMINAL_SPEED: Readonly<Record<string, number>> = { cpu: 60e9, typescript: 3e9, reference: 0.05e9 };

/**
 * Make plans.
 *
 * Long runs are nnU-Net's: SGD with a momentum of 0.99, flips of every axis. Short ones (minutes on a CPU) take AdamW, which
 * needs no build-up, and flip left and right only: images are in canonical orientation, so nothing else looks like a patient.
 * @throws DataArgumentError when the memory is too small for any patch, the model is for images of two axes, or a wish cannot
 * be met.
 */
export function makePlans(facts: PlanFacts, target: PlanTarget, options: PlanOptions = {}): Plans {
  const { seconds, steps, model: kind = 'unet3d' } = options;
  if (rankOf(kind) !== 3) throw new DataArgumentError('model', 'a network for volumes (training is 3D only)', kind);
  const budget = options.memoryBytes ?? options.memory?.budgetBytes ?? Math.min(target.memoryBytes / 2, 8 * 2 ** 30);
  const speed = (NOMINAL_SPEED[target.profile.name] ?? NOMINAL_SPEED['cpu']!) * target.threads;

  const candidate = (baseChannels: number): Candidate => {
    const shapeFor = (patch: Triple): Topology => networkShape(facts, options, patch, baseChannels);
    const planOf = (topology: Topology, batch: number): Plan =>
      stepPlan(facts, target, options, topology, baseChannels, batch, budget);
    const topologyOf = (batch: number): Topology =>
      options.patch
        ? shapeFor(options.patch)
        : planPatch(
            facts.spacing,
            facts.medianShape,
            budget,
            (topology) => planOf(topology, batch).memory.peakBytes,
            shapeFor,
          );
    const build = (batch: number): Candidate => {
      const topology = topologyOf(batch);
      const { flops } = planOf(topology, batch);
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
  const sizes = options.baseChannels === undefined ? CHANNELS[kind] : [options.baseChannels];
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
    optimizer: optimizerFor(short),
    learningRate: { initial: short ? SHORT_RATE[kind] : 0.01, power: 0.9, warmupSteps: 20 },
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

/** nnU-Net's SGD for long runs, AdamW for short ones. */
function optimizerFor(short: boolean): OptimizerConfig {
  return short
    ? { kind: 'adamw', weightDecay: 0.01, clipNorm: 12 }
    : { kind: 'sgd', momentum: 0.99, nesterov: true, weightDecay: 3e-5, clipNorm: 12 };
}

/** The shape of the wished-for network for a patch, and the patch grown to what the network can take. */
function networkShape(facts: PlanFacts, options: PlanOptions, patch: Triple, baseChannels: number): Topology {
  const { levels, model = 'unet3d' } = options;
  const topology = topologyFor(facts.spacing, patch, levels ?? MOST_LEVELS[model]);
  if (levels !== undefined && topology.strides.length < levels)
    throw new DataArgumentError(
      'levels',
      `at most ${topology.strides.length} (more would leave nothing of a patch of ${patch.join('x')})`,
      levels,
    );
  const { divisor } = modelLimits(modelOf(facts, options, topology, baseChannels));
  return {
    ...topology,
    divisor: divisor as unknown as Triple,
    patch: patch.map((n, axis) => Math.ceil(n / divisor[axis]!) * divisor[axis]!) as unknown as Triple,
  };
}

function modelOf(facts: PlanFacts, options: PlanOptions, topology: Topology, baseChannels: number): ModelConfig {
  const { model: kind = 'unet3d', blocks, stream, precision } = options;
  const { strides, kernels } = topology;
  const levels = strides.length;
  const basic = modelConfig(kind, facts.labels.length, {
    baseChannels,
    levels,
    ...(blocks === undefined ? {} : { blocks }),
    ...(stream === undefined ? {} : { stream }),
    ...(precision === undefined ? {} : { precision }),
  });
  const deepSupervision = levels > 2;
  switch (basic.kind) {
    case 'unet3d':
      return { ...basic, maxChannels: WIDEST, convsPerLevel: 2, strides, kernels, deepSupervision };
    case 'revunet3d':
      return { ...basic, maxChannels: WIDEST, strides, deepSupervision };
    case 'iunet3d':
    case 'iunet2d':
      return { ...basic, maxChannels: WIDEST, strides };
    case 'partially-reversible-unet3d':
    case 'irevunet3d':
    case 'irevunet2d':
      return { ...basic, strides };
    default:
      return basic satisfies never;
  }
}

/**
 * The plan of a training step: its bytes and FLOPs are what the choice rests on. For `auto`: the first of the fixed choices
 * that fits, or the leanest of them, without its search.
 */
function stepPlan(
  facts: PlanFacts,
  target: PlanTarget,
  options: PlanOptions,
  topology: Topology,
  baseChannels: number,
  batch: number,
  budget: number,
): Plan {
  const { seconds, steps = Number.POSITIVE_INFINITY, memory: { mode } = KEEP } = options;
  const model = modelOf(facts, options, topology, baseChannels);
  const graph = trainingStep({
    model,
    inChannels: facts.channelNames.length,
    batch,
    patch: topology.patch,
    // The run may turn out to be short, and AdamW has twice the state.
    optimizer: optimizerFor(seconds !== undefined || steps < SHORT_RUN),
  });
  const planWith = (memory: MemoryMode): Plan => compile(graph, target.profile, { memory });
  if (mode !== 'auto') return planWith(mode);
  const stream = streamOf(model);
  const exact = stream !== undefined && isFixed(stream);
  let leanest: Plan | undefined;
  for (const memory of FIXED_MODES) {
    if (memory === 'invert' && !exact) continue;
    const plan = planWith(memory);
    if (plan.memory.peakBytes <= budget) return plan;
    if (leanest === undefined || plan.memory.peakBytes < leanest.memory.peakBytes) leanest = plan;
  }
  return leanest!;
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
