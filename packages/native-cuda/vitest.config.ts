import { defineConfig } from 'vitest/config';

// One file at a time in a process of its own: the addon uses every core by itself.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['**/*.slow.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 30_000,
  },
});
