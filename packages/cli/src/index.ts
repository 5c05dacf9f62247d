/**
 * @revoxel/cli: the `revoxel` command, and its parts for programs that want the same command with other inputs or outputs.
 * This file only re-exports; the process itself is main.ts.
 */
export { run } from './program.js';
export type { Streams } from './output.js';
export { EXIT } from './exit.js';
