#!/usr/bin/env node
/**
 * The `revoxel` command. A shim that is in the tree, so that npm can link it before anything is built; the program is
 * `src/main.ts`, compiled to `dist/main.js`.
 */
import { existsSync } from 'node:fs';

const program = new URL('../dist/main.js', import.meta.url);
if (existsSync(program)) {
  await import(program.href);
} else {
  console.error('revoxel: not built yet; run "npm run build" in the repository root');
  process.exitCode = 1;
}
