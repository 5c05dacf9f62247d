/**
 * Errors of the data side: what is wrong with a data set, a cache or an argument, where, and what to do about it.
 * Trouble inside one image file is `FormatError` or `ReadError` of @revoxel/imaging and passes through unchanged.
 */

/** A data set, a case or a cached file cannot be used as it is. `code` is `ERR_DATASET`. */
export class DatasetError extends Error {
  /** Stable identifier; compare this, not the message. */
  readonly code = 'ERR_DATASET';
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
    this.name = 'DatasetError';
    this.file = file;
    this.remedy = remedy;
  }
}

/** An argument has a value the function cannot work with. `code` is `ERR_ARGUMENT`. */
export class DataArgumentError extends Error {
  /** Stable identifier; compare this, not the message. */
  readonly code = 'ERR_ARGUMENT';
  /** Name of the argument. */
  readonly argument: string;

  /**
   * @param argument - name of the argument.
   * @param expected - what would have been right.
   * @param got - what was given.
   */
  constructor(argument: string, expected: string, got: unknown) {
    super(`Expected ${expected} for \`${argument}\`, got ${String(got)}`);
    this.name = 'DataArgumentError';
    this.argument = argument;
  }
}

/** First line of an error's message. */
export function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.split('\n', 1)[0]!;
}
