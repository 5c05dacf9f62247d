/**
 * How the command ends: exit codes, and errors as one line. Stacks are shown with REVOXEL_DEBUG=1 only: messages say what
 * was found, where, and what to do, and that is what a person needs first.
 */

/** Exit codes of every command. */
export const EXIT = {
  /** Done. */
  ok: 0,
  /** The work failed: data, disk, memory, device. */
  error: 1,
  /** The command line is not valid. */
  usage: 2,
  /** Stopped by a signal; what was done so far is on disk. */
  interrupted: 130,
} as const;

/** The command line asks for something that cannot be. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Exit code for an error. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  const code = (error as { code?: unknown } | undefined)?.code;
  return code === 'ERR_INTERRUPTED' ? EXIT.interrupted : EXIT.error;
}

/** The line to print for an error; the stack instead with REVOXEL_DEBUG=1. */
export function errorText(error: unknown, debug = process.env['REVOXEL_DEBUG'] === '1'): string {
  if (!(error instanceof Error)) return `error: ${String(error)}`;
  if (debug && error.stack !== undefined) return `error: ${error.stack}${causes(error)}`;
  return `error: ${error.message.split('\n', 1)[0]!}`;
}

function causes(error: Error): string {
  const { cause } = error;
  return cause instanceof Error ? `\ncaused by: ${cause.stack ?? cause.message}${causes(cause)}` : '';
}
