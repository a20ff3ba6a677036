import { mergeConfig } from 'vitest/config';
import config from './vitest.config.ts';

/** All tests, with canaries round every block of linear memory and poison in what holds nothing. */
export default mergeConfig(config, {
  test: {
    setupFiles: ['test/support/redzones.ts'],
    testTimeout: 300_000,
    hookTimeout: 60_000,
  },
});
