#!/usr/bin/env node
/**
 * Builds the native addons where that is possible and carries on where it is not: for `npm run demo` and `npm test`,
 * which must work on a machine without a compiler.
 *
 * Not a build script: the strict target is `build:native`, this only runs it through Nx (and so through its cache) and
 * turns a failure into one line on stderr. Nx has no task that may fail. Always exits 0; the log of a failed build lies
 * in `.cache/build-native.log`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, runNx } from './nx.mjs';

/** The reason a build gave, from its output: its last line that starts with `build:native:`. */
export function reasonOf(output) {
  const lines = output.split('\n').map((line) => line.trim());
  const line = lines.findLast((text) => text.startsWith('build:native: '));
  return line?.slice('build:native: '.length) ?? 'the build failed';
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const started = performance.now();
  const result = runNx(['run-many', '-t', 'build:native', '--nxBail=false', '--outputStyle=static'], { capture: true });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (result.status === 0) {
    console.error(`native backends: built (${seconds} s)`);
  } else {
    const log = join(root, '.cache/build-native.log');
    mkdirSync(join(root, '.cache'), { recursive: true });
    writeFileSync(log, result.output);
    console.error(
      `native backends: not built, the TypeScript backend is used. Reason: ${reasonOf(result.output)}. ` +
        'Then run: npm run build:native (log: .cache/build-native.log)',
    );
  }
}
