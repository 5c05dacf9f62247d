/**
 * Learning rate over a run, and how many steps fit into a given time. Pure functions of their arguments.
 *
 * Source: polynomial decay as in nnU-Net (Isensee et al. 2021), per step instead of per epoch.
 */
import { DataArgumentError } from '../data/errors.js';

/** Shape of the learning rate over a run. */
export interface LearningRate {
  /** Highest value. */
  readonly initial: number;
  /** Exponent of the decay; 1 is linear. */
  readonly power: number;
  /** Steps of the linear rise at the start. */
  readonly warmupSteps: number;
}

/**
 * Learning rate of a step: a linear rise over `warmupSteps`, then initial * (1 - t)^power, where t goes from 0 to 1 over
 * the rest of the run.
 *
 * Steps of the rise do not depend on `total`: a run that first times some steps and then fixes its length has the same
 * rates as one that was given the length.
 * @param step - counted from 0.
 * @param total - steps of the run.
 */
export function learningRateAt(step: number, total: number, { initial, power, warmupSteps }: LearningRate): number {
  if (step < warmupSteps) return (initial * (step + 1)) / (warmupSteps + 1);
  const rest = Math.max(1, total - warmupSteps);
  return initial * Math.max(0, 1 - (step - warmupSteps) / rest) ** power;
}

/** What decides how many steps a run can take. Times in seconds. */
export interface TimeBudget {
  /** From the start of the command to the end of training. */
  readonly seconds: number;
  /** Used so far. */
  readonly elapsed: number;
  /** Durations of the steps measured so far. */
  readonly stepSeconds: readonly number[];
  /** Time kept for what follows the last step. */
  readonly reserve: number;
  /** Validation costs this part of the steps' time. */
  readonly validationShare: number;
}

/** First steps are left out of the measurement: memory is touched for the first time, code is not compiled yet. */
const UNTIMED = 4;

/**
 * Steps of the whole run, those already done included.
 *
 * @returns at least the number done.
 */
export function stepsWithin({ seconds, elapsed, stepSeconds, reserve, validationShare }: TimeBudget): number {
  const timed = stepSeconds.length > 2 * UNTIMED ? stepSeconds.slice(UNTIMED) : stepSeconds;
  if (timed.length === 0) throw new DataArgumentError('stepSeconds', 'at least one duration', 'none');
  const each = (timed.reduce((a, b) => a + b, 0) / timed.length) * (1 + validationShare);
  return stepSeconds.length + Math.max(0, Math.floor((seconds - elapsed - reserve) / each));
}
