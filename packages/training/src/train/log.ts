/**
 * The log of a run: lines for people in `log.txt`, one JSON object a line in `log.jsonl`. A resumed run
 * cuts `log.jsonl` back to its checkpoint, so that no step is in it twice. Not a progress bar: that is the caller's, through events.
 */
import { appendFile, readFile } from 'node:fs/promises';
import { reasonOf } from '../data/errors.js';
import { RunError } from '../errors.js';
import { writeWhole } from '../json.js';
import type { RunPaths } from '../run-folder.js';
import type { StreamRecords } from './streams.js';

/** One training step. */
export interface StepRecord {
  readonly type: 'step';
  /** Number of the step, counted from 1. */
  readonly step: number;
  readonly loss: number;
  /** Global norm before clipping. */
  readonly gradientNorm: number;
  readonly lr: number;
  /** Time of the step. */
  readonly seconds: number;
}

/** One epoch: the steps between two validations. */
export interface EpochRecord {
  readonly type: 'epoch';
  /** Counted from 1. */
  readonly epoch: number;
  /** Steps done. */
  readonly step: number;
  /** Mean training loss of the epoch. */
  readonly loss: number;
  /** Mean loss on validation patches; null without validation cases. */
  readonly validationLoss: number | null;
  /** Mean Dice on validation patches over foreground classes, and its moving average; null as above. */
  readonly dice: number | null;
  readonly ema: number | null;
  /** Dice per foreground label; null where the label is in no patch. */
  readonly labels: Readonly<Record<string, number | null>>;
  /** Fixed-point streams after the last step of the epoch; absent where there are none. */
  readonly streams?: StreamRecords;
  /** Training time so far. */
  readonly seconds: number;
}

export type LogRecord = StepRecord | EpochRecord;

/** Writes the log of one run. */
export class RunLog {
  readonly #paths: RunPaths;
  #lines: string[] = [];

  constructor(paths: RunPaths) {
    this.#paths = paths;
  }

  /** Cut the log back to what lies at or before `step`. */
  async rewindTo(step: number): Promise<void> {
    const kept = (await readLog(this.#paths)).filter((record) => record.step <= step);
    await writeWhole(this.#paths.logLines, [encode(kept.map((record) => `${JSON.stringify(record)}\n`).join(''))]);
  }

  /** Record a step or an epoch; kept in memory until `flush`. */
  record(entry: LogRecord): void {
    this.#lines.push(`${JSON.stringify(entry)}\n`);
  }

  /** A line for people, with the time. */
  async text(line: string): Promise<void> {
    await this.#append(this.#paths.logText, `${new Date().toISOString()} ${line}\n`);
  }

  /** Append what was recorded. */
  async flush(): Promise<void> {
    const count = this.#lines.length;
    if (count === 0) return;
    await this.#append(this.#paths.logLines, this.#lines.join(''));
    this.#lines.splice(0, count);
  }

  async #append(file: string, text: string): Promise<void> {
    try {
      await appendFile(file, text);
    } catch (error) {
      const full = (error as NodeJS.ErrnoException).code === 'ENOSPC';
      throw new RunError(
        file,
        `cannot be written (${reasonOf(error)})`,
        full ? 'free space on that disk, then resume' : 'check its permissions',
        { cause: error },
      );
    }
  }
}

/** All records of a run's log in order; a last line that was cut short by a crash is left out. */
export async function readLog(paths: RunPaths): Promise<LogRecord[]> {
  let text: string;
  try {
    text = await readFile(paths.logLines, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new RunError(paths.logLines, `cannot be read (${reasonOf(error)})`, 'check its permissions', {
      cause: error,
    });
  }
  return text.split('\n').flatMap((line) => {
    if (line === '') return [];
    try {
      return [JSON.parse(line) as LogRecord];
    } catch {
      return [];
    }
  });
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
