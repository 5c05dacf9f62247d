#!/usr/bin/env node
/**
 * Runs the operation table and the larger cases through the emulated addon built with address and undefined-behaviour
 * sanitizers (`npx nx run native-cuda:test:sanitized`), under one schedule of threads: the argument, or random. While a
 * call's kernels run, all device memory that it did not name as operand, result or scratch is poisoned: a stray access
 * inside the arena is found too.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const addon = fileURLToPath(new URL('../../build/Sanitized/revoxel_cuda.node', import.meta.url));
if (!existsSync(addon)) {
  console.error('not built: npx nx run native-cuda:build:sanitized');
  process.exit(1);
}
/** Tests that name a schedule. */
const FILES = ['ops', 'large-cases', 'spatial', 'conv-tensor'].map((name) => `test/${name}.test.ts`);

const compiler = process.env.CXX || 'g++';
// Node is not built with the sanitizer, so its runtime has to be there before anything else.
const runtime = execFileSync(compiler, ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim();
const result = spawnSync('npx', ['vitest', 'run', ...FILES, '-t', process.argv[2] ?? 'random'], {
  cwd: fileURLToPath(new URL('../..', import.meta.url)),
  stdio: 'inherit',
  env: {
    ...process.env,
    LD_PRELOAD: runtime,
    // Leaks are not looked for: Node keeps what it has until it exits.
    ASAN_OPTIONS: 'detect_leaks=0:detect_stack_use_after_return=0',
    UBSAN_OPTIONS: 'print_stacktrace=1',
    REVOXEL_CUDA_EMULATED_ADDON: addon,
  },
});
process.exit(result.status ?? 1);
