/**
 * Training a network on a data set, from files to a run folder. What surrounds the loop: planning, preprocessing, folds,
 * the session, resuming. The steps themselves are loop.ts.
 */
import type { Triple } from '@revoxel/imaging';
import { trainingStep, validationStep, type TrainingStepConfig } from '@revoxel/models';
import { compile, isFixed, type Backend, type Graph, type Plan, type Session } from '@revoxel/runtime';
import { createBatchPool } from '../augment/pool.js';
import type { SampleOptions } from '../augment/sample.js';
import { openCheckpoint, type TrainingState } from '../checkpoint.js';
import { preprocessDataset, readCases } from '../data/cache.js';
import { openDataset, type Dataset } from '../data/dataset.js';
import { fingerprintDataset, percentile, writeFingerprint, type Fingerprint } from '../data/fingerprint.js';
import { DataArgumentError } from '../data/errors.js';
import { maskedChannels, planPreprocessing } from '../data/preprocess.js';
import { splitsOf, type Split } from '../data/splits.js';
import { InterruptedError, RunError } from '../errors.js';
import { writeJson } from '../json.js';
import { makePlans, type PlanOptions } from '../plan/make-plans.js';
import { checkMemory, compileOptions, KEEP, memoryText, type MemorySetting } from '../plan/memory-setting.js';
import { streamOf, type ModelKind } from '../plan/model-config.js';
import { readPlans, writePlans, type Plans } from '../plan/plans.js';
import {
  assertNoRun,
  createRunFolder,
  readRunInfo,
  runPaths,
  writeRunInfo,
  type RunInfo,
  type RunPaths,
} from '../run-folder.js';
import { versions } from '../versions.js';
import type { OnEvent, RunEvent } from './events.js';
import { RunLog } from './log.js';
import { runLoop } from './loop.js';
import { readSplit, writeSplit } from './split-file.js';
import { Validator } from './validator.js';

/** What to train and where. */
export interface TrainOptions {
  /** Data set folder, nnU-Net raw or MSD. */
  readonly data: string;
  /** Run folder. Must not hold a run, unless `resume`. */
  readonly out: string;
  readonly backend: Backend;
  /** Fold of the cross-validation, from 0; `all` trains and validates on every case. Default 0. */
  readonly fold?: number | 'all';
  /** Cases to train and validate on, instead of a fold. */
  readonly split?: Split;
  /** A network for volumes. Default `unet3d`. */
  readonly model?: ModelKind;
  /** Steps to take. Either this or `minutes`. */
  readonly steps?: number;
  /** Time for everything, from `started` on: the first 20 steps are timed, then the number of steps is fixed and written down. */
  readonly minutes?: number;
  /** Seed of initial weights and batches. Default 0. */
  readonly seed?: number;
  /** Go on with the run in `out`. Model, data, split, seed and plans are then the run's own. */
  readonly resume?: boolean;
  /**
   * Where activations come from. Default `keep`, or when resuming what the run has had. A run may change it at any time: the
   * bits of the weights stay the same, unless a float stream is inverted.
   */
  readonly memory?: MemorySetting;
  /** Wishes for the planner. */
  readonly plan?: Omit<PlanOptions, 'seconds' | 'steps' | 'model' | 'memory'>;
  /** Changes to the plans that the planner made, before they are written. */
  readonly adjust?: (plans: Plans) => Plans;
  /** Longest time between checkpoints, seconds; 0 for one after every step. Default 120. */
  readonly checkpointSeconds?: number;
  /** Threads that make batches. Default: cores - 1, at most 4. */
  readonly workers?: number;
  /** Stop between steps: a checkpoint is written, then InterruptedError is thrown. */
  readonly signal?: AbortSignal;
  readonly onEvent?: OnEvent;
  /** `performance.now()` at the start of the command, for `minutes`. Default: now. */
  readonly started?: number;
}

/** What came of a training. */
export interface TrainResult {
  /** Absolute path of the run folder. */
  readonly run: string;
  readonly steps: number;
  /** Time in training steps, all parts of an interrupted run together. */
  readonly seconds: number;
  /** Moving average of the Dice on validation patches; null without validation. */
  readonly ema: number | null;
  readonly memory: MemoryUse;
}

/** Memory of a session: what the plans say, and what the system says. */
export interface MemoryUse {
  readonly plannedBytes: number;
  /** Resident bytes of the session's mappings, or the growth of the whole process where they cannot be told apart. */
  readonly measuredBytes: number;
}

/** Part of `minutes` kept for what follows the last step, and its least value in seconds. */
const RESERVE_SHARE = 0.02;
const RESERVE_SECONDS = 3;

/**
 * Train a network.
 *
 * @returns facts about the finished run; weights, plans, log and split lie in the run folder.
 * @throws DatasetError, FormatError, ReadError for data that cannot be used; RunError for a run folder that cannot;
 * InterruptedError after a stop; NumericalError when the loss is not finite; OutOfMemoryError when the step does not fit;
 * RevoxelError ERR_CHECKSUM when a reversible sequence was not rebuilt to the bit.
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const { backend, signal, onEvent = () => undefined, started = performance.now() } = options;
  checkLength(options);
  if (options.memory !== undefined) checkMemory(options.memory);
  try {
    const job = options.resume ? await resumeJob(options) : await newJob(options, started, onEvent);
    return await runJob(job, options, started, onEvent);
  } catch (error) {
    if (signal?.aborted && error === signal.reason) {
      throw new InterruptedError(
        `${options.out}: stopped before the first step on ${backend.name}; resume the run or start it again`,
      );
    }
    throw error;
  }
}

/** A run that is ready to be set up: its files are in the run folder. */
interface Job {
  readonly paths: RunPaths;
  /** As `run.json` has it. */
  readonly info: RunInfo;
  readonly memory: MemorySetting;
  readonly plans: Plans;
  readonly step: TrainingStep;
  readonly split: Split;
  readonly dataset: Dataset;
}

/** The step of a run, traced and compiled. */
interface TrainingStep {
  readonly graph: Graph;
  readonly plan: Plan;
}

function checkLength({ steps, minutes, resume = false }: TrainOptions): void {
  if (steps !== undefined && minutes !== undefined)
    throw new DataArgumentError('minutes', 'either steps or minutes', 'both');
  if (steps === undefined && minutes === undefined && !resume)
    throw new DataArgumentError('steps', 'a number of steps, or minutes', 'neither');
  if (steps !== undefined && !(Number.isInteger(steps) && steps >= 1))
    throw new DataArgumentError('steps', 'a positive integer', steps);
  if (minutes !== undefined && !(minutes > 0)) throw new DataArgumentError('minutes', 'a number above 0', minutes);
}

async function newJob(options: TrainOptions, started: number, onEvent: OnEvent): Promise<Job> {
  const { backend, minutes, steps, seed = 0, signal, memory = KEEP } = options;
  onEvent({ kind: 'stage', text: `opening ${options.data}` });
  const dataset = await openDataset(options.data);
  const split = await chooseSplit(dataset, options);
  await assertNoRun(options.out);
  onEvent({ kind: 'stage', text: `looking at ${split.train.length} training cases` });
  const fingerprint = await fingerprintDataset(dataset, {
    ids: split.train,
    ...(signal === undefined ? {} : { signal }),
    onCase: (id, done, total) => onEvent({ kind: 'case', id, done, total }),
  });
  const preprocessing = planPreprocessing(dataset, fingerprint);
  const made = makePlans(
    {
      dataset: dataset.name,
      channelNames: dataset.channelNames,
      labels: dataset.labels,
      spacing: preprocessing.spacing,
      normalisation: preprocessing.normalisation,
      medianShape: medianShape(fingerprint, preprocessing.spacing),
    },
    { profile: backend.profile, threads: backend.facts.threads, memoryBytes: backend.facts.memoryBytes },
    {
      ...options.plan,
      memory,
      ...(options.model === undefined ? {} : { model: options.model }),
      ...(steps === undefined ? {} : { steps }),
      ...(minutes === undefined ? {} : { seconds: Math.max(1, minutes * 60 - (performance.now() - started) / 1000) }),
    },
  );
  const plans = options.adjust?.(made) ?? made;
  // Before there is a folder: what does not fit leaves nothing behind.
  const step = compileStep(plans, memory, backend);
  const info: RunInfo = {
    version: 1,
    data: dataset.folder,
    fold: options.split ? 'custom' : (options.fold ?? 0),
    seed,
    backend: backend.name,
    device: backend.facts.device,
    threads: backend.facts.threads,
    deviceDetails: { ...backend.facts.details },
    memory: { ...memory },
    versions: versions(),
    minutes: minutes ?? null,
    steps: steps ?? null,
    secondsPerStep: null,
    created: new Date().toISOString(),
  };
  const paths = await createRunFolder(options.out);
  await writeJson(paths.dataset, dataset.json);
  await writeFingerprint(paths.fingerprint, fingerprint);
  await writeSplit(paths.split, split);
  await writePlans(paths.plans, plans);
  // Last: a folder with run.json is a run that can be resumed.
  await writeRunInfo(paths, info);
  return { paths, info, memory, plans, step, split, dataset };
}

async function resumeJob(options: TrainOptions): Promise<Job> {
  const paths = runPaths(options.out);
  const info = await readRunInfo(paths);
  const plans = await readPlans(paths.plans);
  const dataset = await openDataset(options.data || info.data);
  const facts = ({ labels, channelNames }: Pick<Plans, 'labels' | 'channelNames'>): string =>
    JSON.stringify([labels.map(({ value, name }) => [value, name]), channelNames]);
  if (facts(dataset) !== facts(plans))
    throw new RunError(
      dataset.folder,
      `has other labels or channels than the run's ${paths.plans}`,
      'give the data set the run was started with',
    );
  if (options.minutes !== undefined && info.steps !== null)
    throw new DataArgumentError(
      'minutes',
      `nothing: the run has ${info.steps} steps, which --steps N can change`,
      options.minutes,
    );
  const split = await readSplit(
    paths.split,
    dataset.cases.map((c) => c.id),
  );
  const memory = options.memory ?? info.memory;
  return { paths, info, memory, plans, step: compileStep(plans, memory, options.backend), split, dataset };
}

function programOf({ model, batch, patch, loss, channelNames }: Plans): Omit<TrainingStepConfig, 'optimizer'> {
  return { model, inChannels: channelNames.length, batch, patch, loss };
}

function compileStep(plans: Plans, memory: MemorySetting, backend: Backend): TrainingStep {
  const graph = trainingStep({ ...programOf(plans), optimizer: plans.optimizer });
  return { graph, plan: compile(graph, backend.profile, compileOptions(memory)) };
}

async function chooseSplit(dataset: Dataset, { split, fold = 0 }: TrainOptions): Promise<Split> {
  const ids = dataset.cases.map((c) => c.id);
  if (split !== undefined) {
    if (split.train.length === 0) throw new DataArgumentError('split', 'at least one training case', 'none');
    const unknown = [...split.train, ...split.val].find((id) => !ids.includes(id));
    if (unknown !== undefined) throw new DataArgumentError('split', `cases of ${dataset.folder}`, `"${unknown}"`);
    return split;
  }
  if (fold === 'all') return { train: ids, val: ids };
  const splits = await splitsOf(dataset.folder, ids);
  const chosen = splits[fold];
  if (chosen === undefined)
    throw new DataArgumentError('fold', `an integer from 0 to ${splits.length - 1}, or "all"`, fold);
  return chosen;
}

/** Median size of the cropped images at the target spacing. */
function medianShape({ spacings, shapes_after_crop: shapes }: Fingerprint, target: Triple): Triple {
  const along = (axis: number): number => {
    const sizes = shapes.map((shape, i) => (shape[axis]! * spacings[i]![axis]!) / target[axis]!);
    return Math.max(1, Math.round(percentile(Float64Array.from(sizes).sort(), 50)));
  };
  return [along(0), along(1), along(2)];
}

async function runJob(
  { paths, info: stored, memory: setting, plans, step: { graph, plan }, split, dataset }: Job,
  options: TrainOptions,
  started: number,
  onEvent: OnEvent,
): Promise<TrainResult> {
  const { backend, signal } = options;
  onEvent({ kind: 'stage', text: 'preprocessing' });
  const ids = [...new Set([...split.train, ...split.val])];
  // These two alone: cases stay valid when people edit other fields of the plans.
  const preprocessing = { spacing: plans.spacing, normalisation: plans.normalisation };
  await preprocessDataset(dataset, preprocessing, paths.cases, {
    ids,
    onCase: (id, done, total) => onEvent({ kind: 'case', id, done, total }),
    onWarning: (text) => onEvent({ kind: 'warning', text }),
    ...(signal === undefined ? {} : { signal }),
  });
  const trainCases = await readCases(paths.cases, split.train);
  const valCases = await readCases(paths.cases, split.val);

  const { batch, patch } = plans;
  const sampling: SampleOptions = {
    patch,
    batch,
    foreground: plans.foreground,
    augment: plans.augmentation,
    maskedChannels: maskedChannels(preprocessing),
    seed: stored.seed,
  };
  const before = process.memoryUsage.rss();
  using session = await backend.createSession({ seed: stored.seed });
  const step = await session.load(plan);
  const validator =
    valCases.length === 0
      ? undefined
      : new Validator(
          await session.load(compile(validationStep(programOf(plans)), backend.profile)),
          valCases,
          sampling,
          plans.validationBatches,
          plans.labels.length,
        );

  const log = new RunLog(paths);
  const tell = logged(log, onEvent, plans);
  const warnings = [
    ...differences(stored, backend),
    ...changedMemory(stored, setting, plans),
    ...(plan.choice?.warnings ?? []),
  ];
  for (const text of warnings) tell({ kind: 'warning', text });
  let state = await startingState(paths, stored, options, session);
  const info: RunInfo = { ...stored, memory: { ...setting }, steps: state.totalSteps ?? stored.steps };
  if (info.steps !== stored.steps || JSON.stringify(info.memory) !== JSON.stringify(stored.memory))
    await writeRunInfo(paths, info);
  await log.rewindTo(state.step);
  const memory = session.memory();
  const planned = `${((memory.persistentBytes + memory.transientBytes) / 2 ** 20).toFixed(1)} MiB`;
  await log.text(
    `${state.step === 0 ? 'start' : `resume after step ${state.step}`}: ${split.train.length} training and ${split.val.length} validation cases, patch ${patch.join('x')}, batch ${batch}, ` +
      `${plans.model.kind}, memory ${memoryText(setting)}, ${backend.name} on ${backend.facts.device}, ${planned} planned`,
  );
  tell({
    kind: 'stage',
    text: `training on ${backend.name} (${backend.facts.threads} threads), patch ${patch.join('x')}, batch ${batch}, memory ${memoryText(setting)}, ${planned}`,
  });

  const minutes = options.minutes ?? (info.steps === null ? info.minutes : null);
  await using pool = createBatchPool(trainCases, {
    ...sampling,
    ...(options.workers === undefined ? {} : { workers: options.workers }),
  });
  state = await runLoop(
    {
      paths,
      plans,
      session,
      step,
      graph,
      pool,
      validator,
      log,
      onEvent: tell,
      signal,
      checkpointSeconds: options.checkpointSeconds ?? 120,
      budget:
        minutes === null
          ? undefined
          : { seconds: minutes * 60, reserve: Math.max(RESERVE_SECONDS, minutes * 60 * RESERVE_SHARE), started },
      onFixed: async (steps, secondsPerStep) => {
        await writeRunInfo(paths, { ...info, steps, secondsPerStep });
        tell({ kind: 'stage', text: `${secondsPerStep.toFixed(3)} s per step: ${steps} steps fit` });
      },
    },
    state,
  );
  await log.text(`done: ${state.step} steps in ${state.seconds.toFixed(1)} s`);
  return {
    run: paths.folder,
    steps: state.step,
    seconds: state.seconds,
    ema: state.ema,
    memory: memoryUse(session, before),
  };
}

/** What keeps a resumed run from giving the bits of one that was never stopped. */
function differences(info: RunInfo, backend: Backend): string[] {
  const { device, threads, details } = backend.facts;
  const then: Readonly<Record<string, unknown>> = {
    backend: info.backend,
    device: info.device,
    threads: info.threads,
    ...info.deviceDetails,
  };
  const now: Readonly<Record<string, unknown>> = { backend: backend.name, device, threads, ...details };
  return [...new Set([...Object.keys(then), ...Object.keys(now)])]
    .filter((key) => then[key] !== now[key])
    .map(
      (key) =>
        `the run was started with ${key} ${String(then[key] ?? 'none')}, now it is ${String(now[key] ?? 'none')}: the last bits of the weights will differ`,
    );
}

/** A float stream that was or will be inverted: the one case where another memory choice gives other weights. */
function changedMemory({ memory: then }: RunInfo, now: MemorySetting, { model }: Plans): string[] {
  const stream = streamOf(model);
  if (stream === undefined || isFixed(stream) || then.mode === now.mode) return [];
  if (then.mode !== 'invert' && now.mode !== 'invert') return [];
  return [
    `the run last had memory ${then.mode}, now it is ${now.mode}: a stream in ${stream} is rebuilt with rounding errors, so the weights will differ; those of q16 and q32 streams would not`,
  ];
}

/** The state to go on from, with the session's values restored when there is a checkpoint. */
async function startingState(
  paths: RunPaths,
  info: RunInfo,
  options: TrainOptions,
  session: Session,
): Promise<TrainingState> {
  const fresh: TrainingState = {
    step: 0,
    totalSteps: options.steps ?? info.steps,
    seed: info.seed,
    ema: null,
    lossSum: 0,
    lossCount: 0,
    seconds: 0,
  };
  if (!options.resume) return fresh;
  try {
    await using checkpoint = await openCheckpoint(paths.checkpoint);
    await checkpoint.restore(session);
    const { state } = checkpoint;
    const total = options.steps ?? state.totalSteps ?? info.steps;
    if (total !== null && state.step > total) {
      throw new RunError(
        paths.checkpoint,
        `is of step ${state.step}, beyond the ${total} steps asked for`,
        'ask for more steps',
      );
    }
    return { ...state, totalSteps: total };
  } catch (error) {
    // Stopped before its first checkpoint: such a run starts from the beginning, with the same bits.
    if (error instanceof RunError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT')
      return fresh;
    throw error;
  }
}

/** Bytes of a session as planned and as measured; where its mappings cannot be told apart, by how much the process grew since `before`. */
function memoryUse(session: Session, before: number): MemoryUse {
  const { persistentBytes, transientBytes, otherBytes, residentBytes } = session.memory();
  return {
    plannedBytes: persistentBytes + transientBytes + otherBytes,
    measuredBytes: residentBytes ?? Math.max(0, process.memoryUsage.rss() - before),
  };
}

/** Copies what people want to read later into the text log. */
function logged(log: RunLog, onEvent: OnEvent, plans: Plans): OnEvent {
  return (event: RunEvent) => {
    onEvent(event);
    if (event.kind === 'epoch') {
      const labels = plans.labels
        .slice(1)
        .map(({ value, name }) => `${name} ${event.labels[String(value)]?.toFixed(3) ?? '-'}`);
      void log
        .text(
          `epoch ${event.epoch}: step ${event.step}, loss ${event.loss.toFixed(4)}, validation loss ${event.validationLoss?.toFixed(4) ?? '-'}, Dice ${event.dice?.toFixed(3) ?? '-'} (${labels.join(', ')})`,
        )
        .catch((error: unknown) => onEvent({ kind: 'warning', text: String(error) }));
    } else if (event.kind === 'warning') {
      void log.text(`warning: ${event.text}`).catch(() => undefined);
    }
  };
}
