import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Tests that run PyTorch beside us (Debian's python3-torch): too large to ship as goldens. */
export default defineConfig({
  // What examples and benches import is, in tests, the sources.
  resolve: {
    alias: [
      { find: /^evenkeel$/, replacement: source('index.ts') },
      { find: /^evenkeel\/(.*)$/, replacement: source('$1/index.ts') },
    ],
  },
  test: {
    globalSetup: 'test/support/setup.ts',
    include: ['test/torch/**/*.test.ts'],
    testTimeout: 600_000,
  },
});

function source(path: string): string {
  return fileURLToPath(new URL(`src/${path}`, import.meta.url));
}
