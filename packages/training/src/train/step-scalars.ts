/** The numbers that a plan wants anew at every step: the optimiser's and, with dropout, those of its random draws. */
import { STEP_LEARNING_RATE, STEP_NUMBER, STEP_SEED, type Plan } from '@revoxel/runtime';

/** What a training step can ask for. */
export interface StepFacts {
  readonly learningRate: number;
  /** Steps done before this one. */
  readonly step: number;
  readonly seed: number;
}

/** The scalars that a plan of a training step asks for, by name. */
export function stepScalars(plan: Plan, { learningRate, step, seed }: StepFacts): Record<string, number> {
  const known: Readonly<Record<string, number>> = {
    [STEP_LEARNING_RATE]: learningRate,
    [STEP_NUMBER]: step,
    [STEP_SEED]: seed,
  };
  return Object.fromEntries(
    plan.step.map(({ name }) => {
      const value = known[name];
      if (value === undefined) throw new Error(`internal: nothing is known of the step scalar "${name}"`);
      return [name, value];
    }),
  );
}
