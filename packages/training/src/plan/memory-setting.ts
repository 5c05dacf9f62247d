/**
 * Where a run's activations come from: a choice of the compiler that is free for every run. It belongs to the machine, not to
 * the network: the weights are the same under each (a float stream that is inverted excepted).
 */
import { MEMORY_MODES, type MemoryMode, type MemoryOptions, type Plan } from '@revoxel/runtime';
import { z } from 'zod';
import { DataArgumentError } from '../data/errors.js';

/** Memory choice of a run. */
export interface MemorySetting {
  readonly mode: MemoryMode;
  /** Bytes that parameters, optimiser and activations may take together; needed by `auto`. */
  readonly budgetBytes?: number | undefined;
}

/** As stored in `run.json`; runs from before the choice existed kept everything. @internal */
export const memorySchema = z
  .object({ mode: z.enum(MEMORY_MODES), budgetBytes: z.number().positive().optional() })
  .default({ mode: 'keep' });

/** Choices without a search, one of which `auto` finds at least, the fastest first. */
export const FIXED_MODES: readonly MemoryMode[] = ['keep', 'invert', 'recompute'];

/** Nothing but what the backward pass needs, all of it. */
export const KEEP: MemorySetting = { mode: 'keep' };

/** @throws DataArgumentError when `auto` has no budget, or the budget is no size. */
export function checkMemory({ mode, budgetBytes }: MemorySetting): void {
  if (mode === 'auto' && budgetBytes === undefined)
    throw new DataArgumentError('memory.budgetBytes', 'a number of bytes (memory "auto" needs a budget)', 'nothing');
  if (budgetBytes !== undefined && !(budgetBytes > 0))
    throw new DataArgumentError('memory.budgetBytes', 'a positive number of bytes', budgetBytes);
}

/** The compiler's options. */
export function compileOptions({ mode, budgetBytes }: MemorySetting): MemoryOptions {
  return { memory: mode, ...(budgetBytes === undefined ? {} : { budgetBytes }) };
}

/** `invert`, or `auto (budget 8192.0 MiB)`. */
export function memoryText({ mode, budgetBytes }: MemorySetting): string {
  return budgetBytes === undefined ? mode : `${mode} (budget ${(budgetBytes / 2 ** 20).toFixed(1)} MiB)`;
}

/** Whether a plan rebuilds activations from later ones. */
export function inverts(plan: Plan): boolean {
  return plan.choice?.units.some(({ choice }) => choice === 'invert') ?? false;
}
