import { defineConfig, mergeConfig } from 'vitest/config';
import config from './vitest.config.ts';

/**
 * Tests that take minutes or gigabytes. They run one file after another: several of them allocate most of
 * what linear memory can have.
 */
const long = mergeConfig(config, {
  test: { testTimeout: 1_800_000, fileParallelism: false },
});
long.test.include = ['test/long/**/*.test.ts'];
long.test.exclude = [];

export default defineConfig(long);
