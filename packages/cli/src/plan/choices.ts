/**
 * One row per memory choice: the plan of a training step under each. Compiled, not run. Not here: how a table of them looks
 * (report.ts), and running them (measure.ts).
 */
import { setImmediate } from 'node:timers/promises';
import {
  compile,
  OutOfMemoryError,
  type BackendProfile,
  type Graph,
  type MemoryMode,
  type Plan,
} from '@revoxel/runtime';
import type { StepMeasurement } from '@revoxel/training';

/** A plan and what was found out about it. */
export interface PlannedChoice {
  readonly mode: MemoryMode;
  readonly plan: Plan;
  /** Budget that `auto` was given: the one asked for, or what its leanest plan needs. */
  readonly budgetBytes?: number;
  /** Time that making the plan took. */
  readonly planMs: number;
  /** Edge of the largest cube within the budget, null when none fits; when it was asked for. */
  readonly largestCube?: number | null;
  /** When it was asked for. */
  readonly measured?: StepMeasurement;
}

/** What to compile. */
export interface ChoicesQuery {
  readonly graph: Graph;
  readonly profile: BackendProfile;
  /** Undefined: all there are. */
  readonly mode: MemoryMode | undefined;
  readonly budgetBytes: number | undefined;
  /** Whether a patch that is too large for the budget is a fault; it is none where the question is which patch fits. */
  readonly mustFit: boolean;
  /** Told why a choice is not in the table, or does not keep to the budget. */
  readonly onWarning: (text: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Plans for the asked-for choice, or a table: keep, recompute and invert as they are, and auto where there is a budget.
 *
 * @throws OutOfMemoryError when nothing fits the budget and something must; the signal's reason when it stops.
 */
export async function planChoices(query: ChoicesQuery): Promise<PlannedChoice[]> {
  const { mode, budgetBytes, mustFit } = query;
  if (mode === 'auto') return [await planAuto(query, budgetBytes!)];
  if (mode !== undefined) return [await planOne(query, mode, mustFit ? budgetBytes : undefined)];
  const list: PlannedChoice[] = [];
  for (const each of ['keep', 'recompute', 'invert'] as const) list.push(await planOne(query, each, undefined));
  if (budgetBytes === undefined) return list;
  try {
    list.push(await planAuto(query, budgetBytes));
  } catch (error) {
    // Only `auto` leaves inexact inverses alone; a float stream may still fit by `invert`.
    const fits = list.some(({ plan }) => plan.memory.peakBytes <= budgetBytes);
    if (!(error instanceof OutOfMemoryError && fits)) throw error;
    query.onWarning(`no row for auto: ${error.message}`);
  }
  return list;
}

/** `auto` within the budget; or, where nothing must fit, its leanest plan. */
async function planAuto(query: ChoicesQuery, budgetBytes: number): Promise<PlannedChoice> {
  try {
    return await planOne(query, 'auto', budgetBytes);
  } catch (error) {
    if (query.mustFit || !(error instanceof OutOfMemoryError)) throw error;
    query.onWarning(`--patch does not fit under auto, its leanest plan is shown: ${error.message}`);
    return planOne(query, 'auto', error.neededBytes);
  }
}

async function planOne(
  { graph, profile, signal }: ChoicesQuery,
  mode: MemoryMode,
  budgetBytes: number | undefined,
): Promise<PlannedChoice> {
  await setImmediate();
  signal.throwIfAborted();
  const began = performance.now();
  const budget = budgetBytes === undefined ? {} : { budgetBytes };
  const plan = compile(graph, profile, { memory: mode, ...budget });
  return { mode, plan, planMs: performance.now() - began, ...(mode === 'auto' ? budget : {}) };
}
