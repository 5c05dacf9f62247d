/** Scalars of the step block that operations of this package ask for by name. Graphs may add their own. */

/** Seed of the run, u32. */
export const STEP_SEED = 'seed';
/** Number of the training step, counted from 0, u32. */
export const STEP_NUMBER = 'step';
/** Learning rate, f32. */
export const STEP_LEARNING_RATE = 'lr';
