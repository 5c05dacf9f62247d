/**
 * Runs Nx from a tool script, with the Nx of this workspace and without a shell.
 *
 * Not an Nx plugin. Its colours and interactive screens are off, because its output is either parsed or logged.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

/** Root folder of the workspace. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Runs `nx ...args` in the workspace root.
 *
 * @param {string[]} args
 * @param {{ capture?: boolean, env?: Record<string, string> }} [options] - `capture` keeps stdout and stderr and shows
 *   neither; else both go to this process's stderr, so that stdout belongs to the caller.
 * @returns {{ status: number, output: string }} exit status (1 when ended by a signal) and what was captured.
 */
export function runNx(args, options = {}) {
  const manifest = require.resolve('nx/package.json');
  const bin = join(dirname(manifest), require(manifest).bin.nx);
  const result = spawnSync(process.execPath, [bin, ...args], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    stdio: options.capture ? ['ignore', 'pipe', 'pipe'] : ['ignore', 2, 2],
    env: { ...process.env, NX_TUI: 'false', NX_DAEMON: 'false', ...options.env },
  });
  if (result.error) throw new Error(`cannot start nx: ${result.error.message}; run npm ci`, { cause: result.error });
  return { status: result.status ?? 1, output: `${result.stdout ?? ''}${result.stderr ?? ''}` };
}
