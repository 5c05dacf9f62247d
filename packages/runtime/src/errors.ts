/**
 * Typed errors. Every message says what was asked, what was found, where, and what to do; `code` is stable.
 * Broken invariants of our own start with `internal:`.
 */

/** Base class of all errors thrown by this package. */
export class RevoxelError extends Error {
  /** Stable machine-readable code, `ERR_...`. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Shapes, dtypes or attributes of an operation do not fit together. */
export class ShapeError extends RevoxelError {
  /** Operation, e.g. `conv`. */
  readonly op: string;
  /** Scoped name of the node, e.g. `net.encoder.0.conv`. */
  readonly node: string;
  /** Shapes of the inputs, in order. */
  readonly shapes: readonly (readonly number[])[];
  /** `file:line:column` of the user code that traced the operation, if it could be found. */
  readonly site: string | undefined;

  constructor(op: string, node: string, shapes: readonly (readonly number[])[], detail: string) {
    const site = callerSite();
    const list = shapes.map((s) => `[${s.join(', ')}]`).join(' ');
    super('ERR_SHAPE', `${op} "${node}": ${detail}; inputs ${list || '(none)'}${site ? `; traced at ${site}` : ''}`);
    this.op = op;
    this.node = node;
    this.shapes = shapes;
    this.site = site;
  }
}

/** A plan needs more memory than the device or the budget has. */
export class OutOfMemoryError extends RevoxelError {
  readonly neededBytes: number;
  readonly availableBytes: number;

  constructor(neededBytes: number, availableBytes: number, remedy: string, options?: ErrorOptions) {
    super('ERR_OUT_OF_MEMORY', `needs ${mib(neededBytes)}, available ${mib(availableBytes)}; ${remedy}`, options);
    this.neededBytes = neededBytes;
    this.availableBytes = availableBytes;
  }
}

/** A backend does not compute with an element type. */
export class DTypeError extends RevoxelError {
  readonly dtype: string;
  readonly backend: string;

  constructor(dtype: string, backend: string, value: string, remedy: string) {
    super('ERR_DTYPE', `backend "${backend}" does not compute in ${dtype} ("${value}"); ${remedy}`);
    this.dtype = dtype;
    this.backend = backend;
  }
}

/** A backend cannot be used on this machine. */
export class BackendUnavailableError extends RevoxelError {
  readonly backend: string;
  /** What is missing. */
  readonly reason: string;
  /** The command or step that mends it. */
  readonly remedy: string;

  constructor(backend: string, reason: string, remedy: string, options?: ErrorOptions) {
    super('ERR_BACKEND_UNAVAILABLE', `backend "${backend}" is not available: ${reason}; ${remedy}`, options);
    this.backend = backend;
    this.reason = reason;
    this.remedy = remedy;
  }
}

/** A file or byte buffer does not have the expected form. */
export class FormatError extends RevoxelError {
  readonly file: string;
  readonly byteOffset: number;

  constructor(file: string, byteOffset: number, detail: string, options?: ErrorOptions) {
    super('ERR_FORMAT', `${file}: ${detail} (at byte ${byteOffset})`, options);
    this.file = file;
    this.byteOffset = byteOffset;
  }
}

/** A value became NaN or infinite. */
export class NumericalError extends RevoxelError {
  /** Scoped name of the first value found not finite. */
  readonly value: string;

  constructor(value: string, detail: string) {
    super('ERR_NUMERICAL', `"${value}": ${detail}`);
    this.value = value;
  }
}

/** What a reversible sequence rebuilt in the backward pass is not what it was given in the forward pass. */
export class ChecksumError extends RevoxelError {
  /** Scoped name of the sequence. */
  readonly sequence: string;

  constructor(sequence: string, options?: ErrorOptions) {
    super(
      'ERR_CHECKSUM',
      `reversible sequence "${sequence}": the input rebuilt in the backward pass differs from the original; the step was ` +
        'stopped before the update. Memory, weights or kernels changed between forward and backward: go back to the last ' +
        'saved state (running statistics may have moved), run again, and report it if it repeats',
      options,
    );
    this.sequence = sequence;
  }
}

/** An object was used after `dispose()`. */
export class DisposedError extends RevoxelError {
  constructor(what: string) {
    super('ERR_DISPOSED', `${what} was used after dispose()`);
  }
}

/** An argument of a public function is not what it must be. */
export class ArgumentError extends RevoxelError {
  constructor(name: string, expected: string, actual: unknown) {
    super('ERR_ARGUMENT', `expected ${expected} for \`${name}\`, got ${show(actual)}`);
  }
}

/** A run was stopped through its `AbortSignal`. */
export class AbortedError extends RevoxelError {
  constructor(options?: ErrorOptions) {
    super('ERR_ABORTED', 'the run was aborted between two kernels; outputs are undefined', options);
  }
}

/** Throws an error that marks a fault of this package, never of its caller. @internal */
export function internal(message: string): never {
  throw new RevoxelError('ERR_INTERNAL', `internal: ${message}`);
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (ArrayBuffer.isView(value)) return `${value.constructor.name}(${(value as Uint8Array).length})`;
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  return String(value);
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

/** First stack frame outside this package: where the user's code traced the operation. */
function callerSite(): string | undefined {
  const own = new URL('.', import.meta.url).href;
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 50;
  const stack = new Error().stack ?? '';
  Error.stackTraceLimit = limit;
  for (const line of stack.split('\n').slice(1)) {
    const at = /\(?((?:file:\/\/|\/|[A-Za-z]:\\)[^()]*:\d+:\d+)\)?$/.exec(line.trim())?.[1];
    if (!at || at.includes('node:internal')) continue;
    const href = at.startsWith('file:') ? at : `file://${at}`;
    if (!href.startsWith(own)) return at.replace(/^file:\/\//, '');
  }
  return undefined;
}
