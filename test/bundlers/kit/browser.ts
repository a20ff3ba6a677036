/** Pages in a real Chromium, from a server that knows nothing but files. */
import { once } from 'node:events';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { debian } from '../../everywhere/install.ts';
import { load } from './tools.ts';

const TYPES: Record<string, string> = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];

// biome-ignore lint/suspicious/noExplicitAny: playwright's types are not installed with this project
let launched: Promise<any> | undefined;

// biome-ignore lint/suspicious/noExplicitAny: as above
function chromium(): Promise<any> {
  launched ??= load('playwright-core').then((playwright) =>
    (playwright.chromium ?? playwright.default.chromium).launch({
      executablePath: debian(['/usr/bin/chromium'], 'chromium'),
      args: ARGUMENTS,
    }),
  );
  return launched;
}

export async function browserVersion(): Promise<string> {
  return (await chromium()).version();
}

export async function closeBrowser(): Promise<void> {
  if (launched) await (await launched).close();
  launched = undefined;
}

/** Hears a short text that a page posts. */
type Posted = (text: string) => void;

/**
 * Opens a page; what `expression` gives there once it gives something.
 *
 * @throws Error with what the page reported, if it throws or stays without
 */
export async function visit<T>(url: string, expression = 'globalThis.outcome'): Promise<T> {
  const page = await (await chromium()).newPage();
  const reports: string[] = [];
  // biome-ignore lint/suspicious/noExplicitAny: as above
  page.on('console', (message: any) => message.type() === 'error' && reports.push(message.text()));
  page.on('pageerror', (error: Error) => reports.push(String(error)));
  // biome-ignore lint/suspicious/noExplicitAny: as above
  page.on('requestfailed', (request: any) => reports.push(`failed: ${request.url()}`));
  try {
    await page.goto(url);
    await page.waitForFunction(`!!(${expression})`, null, { timeout: 30_000 });
    return await page.evaluate(expression);
  } catch (error) {
    throw new Error([(error as Error).message, ...reports].join('\n'));
  } finally {
    await page.close();
  }
}

/** Serves a folder while `use` runs, and tells `posted` what pages post. */
export async function serving<T>(
  folder: string,
  use: (url: string) => Promise<T>,
  { headers = {}, posted }: { headers?: Record<string, string>; posted?: Posted } = {},
): Promise<T> {
  const server: Server = createServer((request, response) => {
    if (request.method === 'POST') {
      request.setEncoding('utf8');
      request.on('data', (text: string) => posted?.(text)).on('end', () => response.end());
      return;
    }
    const { pathname } = new URL(request.url!, 'http://localhost');
    const path = join(
      folder,
      normalize(pathname.endsWith('/') ? `${pathname}index.html` : pathname),
    );
    if (!existsSync(path) || !statSync(path).isFile()) {
      response.writeHead(404).end();
      return;
    }
    const type = TYPES[extname(path)] ?? 'application/octet-stream';
    response.writeHead(200, { 'content-type': type, ...headers });
    createReadStream(path).pipe(response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
