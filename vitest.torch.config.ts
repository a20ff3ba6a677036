import { defineConfig } from 'vitest/config';

/** Tests that run PyTorch beside us (Debian's python3-torch): too large to ship as goldens. */
export default defineConfig({
  test: {
    include: ['test/torch/**/*.test.ts'],
    testTimeout: 600_000,
  },
});
