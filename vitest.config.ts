import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { everywhere } from './test/support/everywhere.ts';

export default defineConfig({
  plugins: [everywhere()],
  // What examples and benches import is, in tests, the sources.
  resolve: {
    alias: [
      { find: /^evenkeel$/, replacement: source('index.ts') },
      { find: /^evenkeel\/(.*)$/, replacement: source('$1/index.ts') },
    ],
  },
  test: {
    globalSetup: 'test/support/setup.ts',
    setupFiles: process.env.KERNELS ? ['test/support/try.ts'] : [],
    include: ['test/**/*.test.ts'],
    exclude: ['test/long/**', 'test/torch/**'],
    testTimeout: 60_000,
  },
});

function source(path: string): string {
  return fileURLToPath(new URL(`src/${path}`, import.meta.url));
}
