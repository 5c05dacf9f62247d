/**
 * Errors of running: a run folder that cannot be used, a run that was stopped. Trouble with data sets is `DatasetError`
 * (data/errors.ts); tensors, checkpoints' bytes and memory have their errors in @revoxel/runtime.
 */

/** A run folder, or a file in it, cannot be used as it is. `code` is `ERR_RUN`. */
export class RunError extends Error {
  /** Stable identifier; compare this, not the message. */
  readonly code = 'ERR_RUN';
  /** File or folder the trouble is in. */
  readonly file: string;
  /** What the user can do about it. */
  readonly remedy: string;

  /**
   * @param file - file or folder.
   * @param problem - what was found, no full stop.
   * @param remedy - what to do, no full stop.
   */
  constructor(file: string, problem: string, remedy: string, options?: { cause?: unknown }) {
    super(`${file}: ${problem}; ${remedy}`, options);
    this.name = 'RunError';
    this.file = file;
    this.remedy = remedy;
  }
}

/** The work was stopped from outside (a signal, an abort); what was done so far is on disk. `code` is `ERR_INTERRUPTED`. */
export class InterruptedError extends Error {
  /** Stable identifier; compare this, not the message. */
  readonly code = 'ERR_INTERRUPTED';

  /** @param message - one line: what was stopped, where, and how to go on. */
  constructor(message: string) {
    super(message);
    this.name = 'InterruptedError';
  }
}
