/**
 * The long tests of a package (`test/**\/*.slow.test.ts`): training, fuzzing, kill and resume. Run one file at a time,
 * in a process of its own, since most of them measure memory or keep all cores busy.
 */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.slow.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 30 * 60_000,
    hookTimeout: 10 * 60_000,
  },
});
