#!/usr/bin/env node
/**
 * Builds the native addons where that is possible and carries on where it is not: for `npm run demo` and `npm test`,
 * which must work on a machine without a compiler. The CUDA addon is built only where there is a GPU driver: it takes
 * minutes and could not run. With `--emulated` its kernels are built for the CPU emulator instead, for the tests.
 *
 * Not a build script: the strict target is `build:native`, this only runs it through Nx (and so through its cache) and
 * turns a failure into one line on stderr. Nx has no task that may fail. Always exits 0; the log of a failed build lies
 * in `.cache/build-native.log`.
 */
import { appendFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
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
  const gpu = existsSync('/proc/driver/nvidia/version');
  const log = join(root, '.cache/build-native.log');
  mkdirSync(join(root, '.cache'), { recursive: true });
  rmSync(log, { force: true });
  attempt('native backends', ['build:native', ...(gpu ? [] : ['--exclude=@revoxel/native-cuda'])]);
  if (process.argv.includes('--emulated')) attempt('CUDA kernels in the emulator', ['build:emulated']);

  function attempt(what, [target, ...rest]) {
    const started = performance.now();
    const result = runNx(['run-many', '-t', target, ...rest, '--nxBail=false', '--outputStyle=static'], {
      capture: true,
    });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    if (result.status === 0) {
      const lines = [...result.output.matchAll(/^ *build:native: (.*)$/gm)].map((match) => match[1]);
      const skipped = lines.filter((line) => line.includes(' skipped: '));
      if (skipped.length < lines.length || lines.length === 0) console.error(`${what}: built (${seconds} s)`);
      for (const line of skipped) console.error(`${what}: ${line}`);
      return;
    }
    appendFileSync(log, result.output);
    const instead = target === 'build:native' ? 'the TypeScript backend is used' : 'their tests are skipped';
    console.error(
      `${what}: not built, ${instead}. Reason: ${reasonOf(result.output)}. ` +
        `Then run: npx nx run-many -t ${target} (log: .cache/build-native.log)`,
    );
  }
}
