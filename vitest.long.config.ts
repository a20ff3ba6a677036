import { defineConfig } from 'vitest/config';
import config from './vitest.config.ts';

/** Tests that allocate most of what linear memory can have: they run one after another. */
const GIGABYTES = ['end', 'memory', 'strides'].map((name) => `test/long/${name}.test.ts`);

/** Tests that take minutes or gigabytes. */
export default defineConfig({
  ...config,
  test: {
    ...config.test,
    include: [],
    exclude: [],
    testTimeout: 1_800_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'minutes',
          include: ['test/long/**/*.test.ts'],
          exclude: GIGABYTES,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'gigabytes',
          include: GIGABYTES,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
