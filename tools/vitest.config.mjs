/** Tests of the repository's own helpers: plain JavaScript, nothing native. */
import { defineConfig } from 'vitest/config';

export default defineConfig({ test: { include: ['test/**/*.test.mjs'] } });
