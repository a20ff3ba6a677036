/** The text of a thread's program, from src/threads/thread.ts and what it imports. */
import { build } from 'esbuild';

/** The program as one expression statement; it finds its `port` in the scope around it. */
export async function threadText(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: ['src/threads/thread.ts'],
    bundle: true,
    write: false,
    minify: true,
    format: 'iife',
    target: 'es2022',
    legalComments: 'none',
    logLevel: 'warning',
  });
  return outputFiles[0]!.text.trim();
}
