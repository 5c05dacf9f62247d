/**
 * The process of the `revoxel` command: arguments, signals, exit code. Everything else is program.ts.
 */
import { EXIT } from './exit.js';
import { run } from './program.js';

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // The second signal means now: a checkpoint that is being written is only renamed when it is whole.
    if (stop.signal.aborted) process.exit(EXIT.interrupted);
    process.stderr.write('\nstopping; once more to stop at once\n');
    stop.abort();
  });
}
// A reader that goes away (`revoxel ... | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
  throw error;
});

process.exitCode = await run(process.argv.slice(2), process, stop.signal);
