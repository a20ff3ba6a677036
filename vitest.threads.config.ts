import { mergeConfig } from 'vitest/config';
import config from './vitest.config.ts';

/** All tests on two threads, among which every kernel call that can be divided is divided. */
const threads = mergeConfig(config, {
  test: { setupFiles: ['test/support/threads.ts'], testTimeout: 300_000, hookTimeout: 60_000 },
});
threads.test.exclude = [
  ...threads.test.exclude,
  'test/memory/workspace.test.ts', // counts how far a memory grows that is not shared
];
export default threads;
