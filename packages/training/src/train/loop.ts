/**
 * The training loop: steps, validations, checkpoints, until the number of steps is reached or the run is stopped. What it
 * needs (session, cases, plans) is given; what surrounds it (preprocessing, the run folder) is trainer.ts.
 *
 * A step is never aborted half-way: its updates would be applied to some weights only. A stop takes effect between steps.
 */
import {
  ChecksumError,
  findNonFinite,
  NumericalError,
  RevoxelError,
  type Executable,
  type Graph,
  type HostArray,
  type Session,
} from '@revoxel/runtime';
import type { BatchPool } from '../augment/pool.js';
import { saveCheckpoint, type TrainingState } from '../checkpoint.js';
import { InterruptedError } from '../errors.js';
import type { Plans } from '../plan/plans.js';
import type { RunPaths } from '../run-folder.js';
import { movingAverage } from './dice-counts.js';
import type { OnEvent } from './events.js';
import type { RunLog } from './log.js';
import { learningRateAt, stepsWithin } from './schedule.js';
import { stepScalars } from './step-scalars.js';
import { readStreams, streamWarning } from './streams.js';
import type { Validator } from './validator.js';

/** Steps that are timed before their number is fixed. */
export const TIMED_STEPS = 20;
/** At most this many step records in the log of a run. */
const MOST_STEP_RECORDS = 4000;
/** Validations of a run when `stepsPerEpoch` is left open, and the usual longest epoch. */
const EPOCHS = 25;
const LONGEST_EPOCH = 250;
/** A validation batch takes about a third of a step; with this many steps for each, validation costs a twentieth. */
const STEPS_PER_VALIDATION_BATCH = 7;

/** Everything the loop works on. */
export interface LoopContext {
  readonly paths: RunPaths;
  readonly plans: Plans;
  readonly session: Session;
  readonly step: Executable;
  /** The graph of `step`, for finding the first value that is not finite. */
  readonly graph: Graph;
  readonly pool: BatchPool;
  readonly validator: Validator | undefined;
  readonly log: RunLog;
  readonly onEvent: OnEvent;
  readonly signal: AbortSignal | undefined;
  /** Longest time between two checkpoints. */
  readonly checkpointSeconds: number;
  /** When the number of steps is open: seconds the run may still take, and what to keep of them for what follows. */
  readonly budget: { readonly seconds: number; readonly reserve: number; readonly started: number } | undefined;
  /** Called once when the number of steps has been fixed. */
  readonly onFixed: (steps: number, secondsPerStep: number) => Promise<void>;
}

/**
 * Train from `state` on.
 *
 * @returns the state at the end; its checkpoint is written.
 * @throws InterruptedError after a stop (a checkpoint is written first), NumericalError when the loss is not finite and
 * RevoxelError ERR_CHECKSUM when a reversible sequence was not rebuilt to the bit (the checkpoint before stays).
 */
export async function runLoop(context: LoopContext, start: TrainingState): Promise<TrainingState> {
  const { paths, plans, session, log, onEvent, signal, validator, pool } = context;
  let state = start;
  const durations: number[] = [];
  const warnOnce = once((text) => onEvent({ kind: 'warning', text }));
  let lastCheckpoint = performance.now();
  const checkpoint = async (): Promise<void> => {
    // The log first: a resumed run cuts it back to its checkpoint, but cannot make up for lines that are missing.
    await log.flush();
    await saveCheckpoint(paths, session, state);
    lastCheckpoint = performance.now();
    onEvent({ kind: 'checkpoint', file: paths.checkpoint, step: state.step });
  };

  let batch = state.totalSteps === null || state.step < state.totalSteps ? await pool.next(state.step) : undefined;
  while (batch !== undefined) {
    if (signal?.aborted) {
      await checkpoint();
      throw new InterruptedError(
        `${paths.folder}: stopped after step ${state.step}; the checkpoint is written, resume the run to go on`,
      );
    }
    const began = performance.now();
    const total = state.totalSteps;
    const lr = learningRateAt(state.step, total ?? Number.POSITIVE_INFINITY, plans.learningRate);
    const scalars = stepScalars(context.step.plan, { learningRate: lr, step: state.step, seed: state.seed });
    const inputs = { image: batch.image, labels: batch.label };
    const running = runStep(context, state, inputs, scalars);
    // The next batch is made while the step runs; this one stays valid meanwhile.
    const last = total !== null && state.step + 1 >= total;
    const [outputs, next] = await Promise.all([running, last ? undefined : pool.next(state.step + 1)]);
    const loss = outputs['loss']![0]!;
    const gradientNorm = outputs['gradientNorm']![0]!;
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm))
      await failOn(context, state, loss, gradientNorm, inputs, scalars);
    const seconds = (performance.now() - began) / 1000;
    durations.push(seconds);
    state = {
      ...state,
      step: state.step + 1,
      lossSum: state.lossSum + loss,
      lossCount: state.lossCount + 1,
      seconds: state.seconds + seconds,
    };

    if (state.totalSteps === null && (state.step >= TIMED_STEPS || outOfTime(context)))
      state = await fixSteps(context, state, durations);
    if (state.step % Math.max(1, Math.ceil((state.totalSteps ?? 1) / MOST_STEP_RECORDS)) === 0) {
      log.record({ type: 'step', step: state.step, loss, gradientNorm, lr, seconds });
    }
    onEvent({ kind: 'step', done: state.step, total: state.totalSteps, loss, seconds });

    const done = state.totalSteps !== null && state.step >= state.totalSteps;
    if (state.totalSteps !== null && (done || state.step % epochLength(plans, state.totalSteps) === 0)) {
      state = await endEpoch(context, validator, state, warnOnce);
    }
    if (done || (performance.now() - lastCheckpoint) / 1000 >= context.checkpointSeconds) await checkpoint();
    batch = done ? undefined : next;
    if (!done && batch === undefined) batch = await pool.next(state.step);
  }
  return state;
}

/** One step; a reversible sequence that was not rebuilt to the bit stops the run, and says how to go on. */
async function runStep(
  { step, log, paths }: LoopContext,
  state: TrainingState,
  inputs: Readonly<Record<string, Float32Array | Uint8Array>>,
  scalars: Readonly<Record<string, number>>,
): Promise<Record<string, HostArray>> {
  try {
    return await step.run(inputs, scalars);
  } catch (error) {
    if (!(error instanceof ChecksumError)) throw error;
    await log.flush();
    throw new RevoxelError(
      'ERR_CHECKSUM',
      `${paths.folder}: step ${state.step + 1}: ${error.message}; the last checkpoint is kept: resume the run, with memory ` +
        '"keep" nothing is rebuilt',
      { cause: error },
    );
  }
}

function once(tell: (text: string) => void): (text: string) => void {
  let told = false;
  return (text) => {
    if (!told) tell(text);
    told = true;
  };
}

/** Steps between two validations. */
export function epochLength(plans: Plans, total: number): number {
  const least = STEPS_PER_VALIDATION_BATCH * plans.validationBatches;
  return (
    plans.stepsPerEpoch ??
    Math.max(1, Math.min(total, Math.max(least, Math.min(LONGEST_EPOCH, Math.ceil(total / EPOCHS)))))
  );
}

function outOfTime({ budget }: LoopContext): boolean {
  return budget !== undefined && (performance.now() - budget.started) / 1000 >= budget.seconds - budget.reserve;
}

async function fixSteps(
  context: LoopContext,
  state: TrainingState,
  durations: readonly number[],
): Promise<TrainingState> {
  const { budget, validator, plans } = context;
  if (budget === undefined) throw new Error('internal: the number of steps is open and there is no time budget');
  const share = validator === undefined ? 0 : plans.validationBatches / 3 / epochLength(plans, Number.MAX_SAFE_INTEGER);
  const elapsed = (performance.now() - budget.started) / 1000;
  const steps =
    state.step -
    durations.length +
    stepsWithin({
      seconds: budget.seconds,
      elapsed,
      stepSeconds: durations,
      reserve: budget.reserve,
      validationShare: share,
    });
  const each = durations.reduce((a, b) => a + b, 0) / durations.length;
  await context.onFixed(steps, each);
  return { ...state, totalSteps: steps };
}

async function endEpoch(
  context: LoopContext,
  validator: Validator | undefined,
  state: TrainingState,
  warnOnce: (text: string) => void,
): Promise<TrainingState> {
  const { plans, log, onEvent, session } = context;
  const result = await validator?.run();
  const known = result?.dice.filter((d) => !Number.isNaN(d)) ?? [];
  const dice = known.length === 0 ? Number.NaN : known.reduce((a, b) => a + b, 0) / known.length;
  const ema = movingAverage(state.ema ?? undefined, dice) ?? null;
  const labels = Object.fromEntries(
    plans.labels.slice(1).map(({ value }, i) => [String(value), finiteOrNull(result?.dice[i])]),
  );
  const streams = await readStreams(session);
  const warning = streamWarning(streams);
  if (warning !== undefined) warnOnce(warning);
  const record = {
    epoch: Math.ceil(state.step / epochLength(plans, state.totalSteps!)),
    step: state.step,
    loss: state.lossSum / Math.max(1, state.lossCount),
    validationLoss: finiteOrNull(result?.loss),
    dice: finiteOrNull(dice),
    ema,
    labels,
    ...(Object.keys(streams).length === 0 ? {} : { streams }),
    seconds: state.seconds,
  };
  log.record({ type: 'epoch', ...record });
  await log.flush();
  onEvent({ kind: 'epoch', ...record });
  return { ...state, ema, lossSum: 0, lossCount: 0 };
}

function finiteOrNull(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : value;
}

/** Says what became of the numbers, and where first, as far as that can still be told. */
async function failOn(
  context: LoopContext,
  state: TrainingState,
  loss: number,
  gradientNorm: number,
  inputs: Readonly<Record<string, Float32Array | Uint8Array>>,
  scalars: Readonly<Record<string, number>>,
): Promise<never> {
  const { graph, session, paths } = context;
  await context.log.flush();
  const what = Number.isFinite(loss) ? `the gradient norm is ${gradientNorm}` : `the loss is ${loss}`;
  // The update of the bad step has reached the weights already, so usually only a bad input can still be found apart.
  const first = await findNonFinite(graph, session, inputs, scalars).catch(() => undefined);
  const where = first === undefined || session.names().includes(first.value) ? '' : `, first in ${first.message}`;
  throw new NumericalError(
    'loss',
    `${what} at step ${state.step + 1} of ${paths.folder}${where}; the last checkpoint is kept: lower "learningRate.initial" in plans.json, or check the images, and resume`,
  );
}
