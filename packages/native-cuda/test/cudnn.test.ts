/** The cuDNN loader: what it finds, what it refuses and why. Built here with the C++ compiler, against stand-in libraries. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const COMPILER = process.env.CXX || 'c++';
const native = fileURLToPath(new URL('../native', import.meta.url));

function hasCompiler(): boolean {
  try {
    execFileSync(COMPILER, ['--version'], { stdio: 'ignore' });
    return process.platform === 'linux';
  } catch {
    return false;
  }
}

describe.skipIf(!hasCompiler())('cuDNN loader (skipped without a C++ compiler on Linux)', () => {
  it('takes good libraries, refuses others, knows bad releases', { timeout: 120_000 }, () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'revoxel-cudnn-'));
    try {
      const compile = (...args: string[]): void =>
        void execFileSync(COMPILER, ['-std=c++17', '-Wall', '-Wextra', '-Werror', ...args], { stdio: 'inherit' });
      for (const [name, flags] of [
        ['good', []],
        ['incomplete', ['-DFAKE_INCOMPLETE']],
      ] as const) {
        mkdirSync(path.join(folder, name));
        compile(
          ...['-shared', '-fPIC', ...flags, path.join(native, 'test/fake-cudnn.cc')],
          ...['-o', path.join(folder, name, 'libcudnn.so.9')],
        );
      }
      const test = path.join(folder, 'test');
      compile(
        ...[path.join(native, 'test/cudnn-library-test.cc'), path.join(native, 'dyn/cudnn-library.cc')],
        ...['-ldl', '-o', test],
      );
      expect(execFileSync(test, [folder], { encoding: 'utf8' })).toMatch(/^\d+ checks, 0 failures\n$/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
