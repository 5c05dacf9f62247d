/** The options of a network and of its memory that `plan` and `train` share: their schema, and what they come to. */
import { STREAM_KINDS } from '@revoxel/models';
import { FLOATS, MEMORY_MODES } from '@revoxel/runtime';
import { isReversible, type MemorySetting, type ModelKind, type ModelWishes } from '@revoxel/training';
import { z } from 'zod';
import { UsageError } from './exit.js';
import { byteSize, whole } from './schema.js';

/** Fields of the schema of a command that has these options. */
export const networkFields = {
  channels: whole(1).optional(),
  levels: whole(2).optional(),
  blocks: whole(1).optional(),
  stream: z.enum(STREAM_KINDS).optional(),
  precision: z.enum(FLOATS).optional(),
  memory: z.enum(MEMORY_MODES).optional(),
  budget: byteSize.optional(),
};

/** Values of the options of a network. */
export interface NetworkOptions {
  readonly channels?: number | undefined;
  readonly levels?: number | undefined;
  readonly blocks?: number | undefined;
  readonly stream?: ModelWishes['stream'] | undefined;
  readonly precision?: ModelWishes['precision'] | undefined;
}

/**
 * What was asked of the network.
 *
 * @throws UsageError for an option that the network does not have.
 */
export function modelWishes(kind: ModelKind, o: NetworkOptions): ModelWishes {
  for (const name of ['blocks', 'stream'] as const)
    if (o[name] !== undefined && !isReversible(kind))
      throw new UsageError(
        `--${name} is for reversible networks: leave it out with ${kind}, or choose another --model`,
      );
  return {
    ...(o.channels === undefined ? {} : { baseChannels: o.channels }),
    ...(o.levels === undefined ? {} : { levels: o.levels }),
    ...(o.blocks === undefined ? {} : { blocks: o.blocks }),
    ...(o.stream === undefined ? {} : { stream: o.stream }),
    ...(o.precision === undefined ? {} : { precision: o.precision }),
  };
}

/**
 * The memory choice of a run; a budget alone means `auto`.
 *
 * @returns undefined when nothing was asked for.
 * @throws UsageError for `auto` without a budget.
 */
export function memorySetting(o: {
  readonly memory?: MemorySetting['mode'] | undefined;
  readonly budget?: number | undefined;
}): MemorySetting | undefined {
  checkBudget(o);
  const { memory, budget } = o;
  if (memory === undefined && budget === undefined) return undefined;
  return { mode: memory ?? 'auto', ...(budget === undefined ? {} : { budgetBytes: budget }) };
}

/** @throws UsageError for `auto` without a budget. */
export function checkBudget({ memory, budget }: { readonly memory?: unknown; readonly budget?: unknown }): void {
  if (memory === 'auto' && budget === undefined)
    throw new UsageError('--memory auto needs --budget: the bytes that the step may take, such as 8GiB');
}
