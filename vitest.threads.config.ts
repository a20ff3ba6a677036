import { mergeConfig } from 'vitest/config';
import config from './vitest.config.ts';

/** All tests on two threads, among which every kernel call that can be divided is divided. */
export default mergeConfig(config, {
  test: { setupFiles: ['test/support/threads.ts'], testTimeout: 300_000, hookTimeout: 60_000 },
});
