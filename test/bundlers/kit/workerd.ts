/** Runs a bundle in the workerd that comes with wrangler, by way of miniflare. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from './tools.ts';

/** Asks the Worker in `folder`, whose module `main` is, for `path`. */
export async function fetchFrom(
  folder: string,
  main: string,
  path = '/',
  init?: RequestInit,
): Promise<{ status: number; bytes: Uint8Array; text: string }> {
  const files = readdirSync(folder).filter((file) => file === main || file.endsWith('.wasm'));
  const modules = files
    .sort((a, b) => Number(b === main) - Number(a === main))
    .map((file) => ({
      type: file === main ? 'ESModule' : 'CompiledWasm',
      path: join(folder, file),
      contents: readFileSync(join(folder, file)),
    }));
  const { Miniflare } = await load('miniflare', 'wrangler');
  const worker = new Miniflare({
    host: '127.0.0.1',
    port: 0,
    compatibilityDate: '2026-04-01',
    modulesRoot: folder,
    modules,
  });
  try {
    const response = await worker.dispatchFetch(new URL(path, 'http://localhost'), init);
    const bytes = new Uint8Array(await response.arrayBuffer());
    return { status: response.status, bytes, text: new TextDecoder().decode(bytes) };
  } finally {
    await worker.dispose();
  }
}
