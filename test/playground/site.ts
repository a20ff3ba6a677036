/** The built playground, served; and a page that remembers its errors and layout shifts. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { buildPlayground } from '../../scripts/playground.ts';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** Runs before the page's own script. */
const RECORDER = `<script>
window.recorded = { errors: [], shift: 0 };
const note = (text) => recorded.errors.push(String(text));
addEventListener('error', (event) => note(event.message));
addEventListener('unhandledrejection', (event) => note(event.reason));
for (const kind of ['error', 'warn']) {
  const plain = console[kind];
  console[kind] = (...values) => { note(values.join(' ')); plain.apply(console, values); };
}
const watch = (type, entry) => {
  if (!PerformanceObserver.supportedEntryTypes.includes(type)) return;
  new PerformanceObserver((list) => list.getEntries().forEach(entry)).observe({ type, buffered: true });
};
watch('layout-shift', ({ value, hadRecentInput }) => { if (!hadRecentInput) recorded.shift += value; });
</script>`;

export interface Site {
  readonly url: string;
  close(): void;
}

/** Builds the playground into a folder of its own, and serves it. */
export async function serveSite(): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), 'playground-site-'));
  await buildPlayground(folder);
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url!, 'http://site').pathname);
    const file = join(folder, path === '/' ? 'index.html' : path);
    if (path.includes('..') || !existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.setHeader('Content-Type', TYPES[extname(file)] ?? 'application/octet-stream');
    const body = readFileSync(file);
    const page = path === '/' ? body.toString().replace('<head>', `<head>${RECORDER}`) : body;
    response.end(page);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close() {
      server.close();
      server.closeAllConnections();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
