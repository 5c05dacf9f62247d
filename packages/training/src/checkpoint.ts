/**
 * Checkpoints: every persistent value of a session and the state of the training, in one file that is written whole or
 * not at all. The state travels in the file's metadata, so that weights and step number can never be of two moments; the
 * JSON file beside it is a copy for people.
 */
import { access } from 'node:fs/promises';
import { openSafetensors, writeSafetensors, type SafetensorsFile, type Session } from '@revoxel/runtime';
import { z } from 'zod';
import { RunError } from './errors.js';
import { writeJson } from './json.js';
import type { RunPaths } from './run-folder.js';

const FORMAT = 'revoxel-checkpoint-1';

const stateSchema = z.object({
  /** Steps done. */
  step: z.number().int().nonnegative(),
  /** Steps of the whole run; null while they are not fixed yet. */
  totalSteps: z.number().int().positive().nullable(),
  /** Seed of parameters and batches. */
  seed: z.number().int().nonnegative(),
  /** Moving average of the validation Dice; null before the first validation. */
  ema: z.number().nullable(),
  /** Sum and number of the losses of the epoch under way. */
  lossSum: z.number(),
  lossCount: z.number().int().nonnegative(),
  /** Time spent in training, in seconds, all parts of an interrupted run together. */
  seconds: z.number().nonnegative(),
});

/** State of a training besides its persistent values. */
export type TrainingState = z.infer<typeof stateSchema>;

/**
 * Write the latest checkpoint, replacing the one before in one step.
 *
 * @throws RevoxelError ERR_WRITE or DatasetError when the system refuses (disk full): the checkpoint before stays as it was.
 */
export async function saveCheckpoint(paths: RunPaths, session: Session, state: TrainingState): Promise<void> {
  const entries = session.names().map((name) => ({ name, ...session.describe(name), data: () => session.read(name) }));
  await writeSafetensors(paths.checkpoint, entries, { format: FORMAT, state: JSON.stringify(state) });
  await writeJson(paths.checkpointInfo, { format: FORMAT, ...state });
}

/** An open checkpoint. Close it, or open it with `await using`. */
export interface Checkpoint extends AsyncDisposable {
  readonly state: TrainingState;
  /** Names of all stored values. */
  readonly names: readonly string[];
  /**
   * Copy stored values into a session: every persistent value the session has.
   *
   * @throws RunError when the file lacks one of them, or has it in another shape.
   */
  restore(session: Session): Promise<void>;
}

/**
 * Open a checkpoint.
 *
 * @throws RunError when there is none or it is of another kind; FormatError when its bytes are damaged.
 */
export async function openCheckpoint(file: string): Promise<Checkpoint> {
  try {
    await access(file);
  } catch (error) {
    throw new RunError(file, 'is missing', 'give the folder of a run that has saved a checkpoint', { cause: error });
  }
  const stored = await openSafetensors(file);
  try {
    return {
      state: parseState(stored),
      names: stored.names,
      restore: (session) => restore(stored, session),
      [Symbol.asyncDispose]: () => stored.close(),
    };
  } catch (error) {
    await stored.close();
    throw error;
  }
}

function parseState(stored: SafetensorsFile): TrainingState {
  const { format, state } = stored.metadata;
  if (format !== FORMAT || state === undefined) {
    throw new RunError(
      stored.path,
      `has format "${format ?? 'unknown'}", not "${FORMAT}"`,
      'use a checkpoint written by this version',
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(state);
  } catch (error) {
    throw new RunError(stored.path, 'has a training state that is not JSON', 'use another checkpoint', {
      cause: error,
    });
  }
  const result = stateSchema.safeParse(value);
  if (!result.success)
    throw new RunError(
      stored.path,
      `has a training state without a valid "${result.error.issues[0]!.path.join('.')}"`,
      'use another checkpoint',
    );
  return result.data;
}

async function restore(stored: SafetensorsFile, session: Session): Promise<void> {
  const known = new Set(stored.names);
  for (const name of session.names()) {
    const { shape, dtype } = session.describe(name);
    if (!known.has(name))
      throw new RunError(stored.path, `has no value "${name}"`, 'use the plans.json it was trained with');
    const value = await stored.read(name);
    if (value.dtype !== dtype || value.shape.join() !== shape.join()) {
      throw new RunError(
        stored.path,
        `has "${name}" as ${value.dtype} [${value.shape.join(', ')}], the network as ${dtype} [${shape.join(', ')}]`,
        'use the plans.json it was trained with',
      );
    }
    await session.write(name, value.data);
  }
}
