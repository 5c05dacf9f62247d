/**
 * The typed errors of this package. What they are: classes with a stable `code`, data fields, and a one-line message
 * that says what was found, where, and what to do. What they are not: a list of everything that can go wrong;
 * broken invariants of the package itself are plain `Error`s starting with `internal:`.
 */

/** Base class of every error this package throws on purpose. */
export class ImagingError extends Error {
  /** Stable identifier, `ERR_...`; compare this, not the message. */
  readonly code: string;

  /**
   * @param code - stable identifier.
   * @param message - one line: what, where, what to do.
   * @param options - `cause`, the error that led here.
   */
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** A file is not what its format demands. `code` is `ERR_FORMAT`. */
export class FormatError extends ImagingError {
  /** The file as it was named by the caller. */
  readonly file: string;
  /** Byte offset of the trouble: in the file, or in the decompressed stream where the file is gzip and the header could be read. */
  readonly offset: number;
  /** What the user can do about it. */
  readonly remedy: string;

  /**
   * @param file - path as given.
   * @param offset - byte offset of the trouble.
   * @param problem - what was found, no full stop.
   * @param remedy - what to do, no full stop.
   */
  constructor(file: string, offset: number, problem: string, remedy: string, options?: { cause?: unknown }) {
    super('ERR_FORMAT', `${file}: ${problem} (byte ${offset}); ${remedy}`, options);
    this.file = file;
    this.offset = offset;
    this.remedy = remedy;
  }
}

/** A file could not be opened or read by the operating system. `code` is `ERR_READ`. */
export class ReadError extends ImagingError {
  /** The file as it was named by the caller. */
  readonly file: string;
  /** What the user can do about it. */
  readonly remedy: string;

  /**
   * @param file - path as given.
   * @param cause - the system error.
   */
  constructor(file: string, cause: unknown) {
    const remedy = readRemedy(systemCode(cause));
    super('ERR_READ', `${file}: cannot be read: ${reason(cause)}; ${remedy}`, { cause });
    this.file = file;
    this.remedy = remedy;
  }
}

/** A file could not be written; nothing half-written was left behind. `code` is `ERR_WRITE`. */
export class WriteError extends ImagingError {
  /** The file as it was named by the caller. */
  readonly file: string;
  /** What the user can do about it. */
  readonly remedy: string;

  /**
   * @param file - path as given.
   * @param cause - the system error.
   */
  constructor(file: string, cause: unknown) {
    const remedy = writeRemedy(systemCode(cause));
    super('ERR_WRITE', `${file}: not written: ${reason(cause)}; ${remedy}`, { cause });
    this.file = file;
    this.remedy = remedy;
  }
}

/** Shapes, spacings or affines that do not fit together or mean nothing. `code` is `ERR_GEOMETRY`. */
export class GeometryError extends ImagingError {
  /** @param message - one line: what, where, what to do. */
  constructor(message: string) {
    super('ERR_GEOMETRY', message);
  }
}

/** An argument has a value the function cannot work with. `code` is `ERR_ARGUMENT`. */
export class ArgumentError extends ImagingError {
  /** Name of the argument. */
  readonly argument: string;

  /**
   * @param argument - name of the argument.
   * @param expected - what would have been right.
   * @param got - what was given.
   */
  constructor(argument: string, expected: string, got: unknown) {
    super('ERR_ARGUMENT', `Expected ${expected} for \`${argument}\`, got ${String(got)}`);
    this.argument = argument;
  }
}

/** The errno name of a system error (`ENOSPC`), or an empty string. */
function systemCode(cause: unknown): string {
  const code = (cause as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

function reason(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.split('\n', 1)[0]!;
}

function readRemedy(code: string): string {
  switch (code) {
    case 'ENOENT':
      return 'check the path';
    case 'EACCES':
    case 'EPERM':
      return 'check the permissions of the file and its folders';
    case 'EISDIR':
      return 'name a file, not a folder';
    default:
      return 'check the file and the disk it is on';
  }
}

function writeRemedy(code: string): string {
  switch (code) {
    case 'ENOSPC':
      return 'free space on that disk or choose another output folder';
    case 'EDQUOT':
      return 'free space within your quota or choose another output folder';
    case 'EFBIG':
      return 'raise the file size limit (ulimit -f) or choose another file system';
    case 'ENOENT':
      return 'create the folder first';
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'choose a folder you may write to';
    case 'EISDIR':
    case 'ENOTEMPTY':
    case 'ENOTDIR':
      return 'name a file in an existing folder';
    default:
      return 'check the disk and try again';
  }
}
