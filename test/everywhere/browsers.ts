/**
 * Browsers, each as page and as module Worker. Nothing drives them: they are started at an address, and
 * what they load asks for its requests there.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Rounding } from '../../src/relaxed/index.ts';
import { debian } from './install.ts';
import type { Program } from './program.ts';
import {
  opened,
  PATIENCE,
  type Reply,
  type Runtime,
  type Session,
  versionOf,
  within,
} from './runtime.ts';

export interface Browser {
  name: string;
  relaxed: Rounding | undefined;
  threads: boolean;
  /** The command that opens `url`, with `profile` an empty folder of its own. */
  command(url: string, profile: string): string[];
  version(): string;
}

const CHROMIUM = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
  '--disable-dev-shm-usage',
];

const chromium: Browser = {
  name: 'Chromium',
  relaxed: 'fused',
  threads: true,
  command: (url, profile) => [chromiumFile(), ...CHROMIUM, `--user-data-dir=${profile}`, url],
  version: () => versionOf(chromiumFile(), '--version'),
};
const chromiumFile = () => debian(['/usr/bin/chromium'], 'chromium');

/** No first page, no questions, no updates. */
const PREFERENCES = {
  'browser.aboutwelcome.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.homepage_override.mstone': 'ignore',
  'datareporting.policy.dataSubmissionEnabled': false,
  'datareporting.policy.firstRunURL': '',
  'app.normandy.enabled': false,
  'app.update.disabledForTesting': true,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'extensions.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,',
};

const firefox: Browser = {
  name: 'Firefox',
  relaxed: 'fused',
  threads: true,
  command(url, profile) {
    const lines = Object.entries(PREFERENCES).map(
      ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`,
    );
    writeFileSync(join(profile, 'user.js'), lines.join('\n'));
    return [firefoxFile(), '--headless', '--no-remote', '--profile', profile, url];
  },
  version: () => versionOf(firefoxFile(), '--version'),
};
const firefoxFile = () => debian(['/usr/bin/firefox-esr', '/usr/bin/firefox'], 'firefox-esr');

const webkit: Browser = {
  name: 'WebKitGTK',
  relaxed: undefined,
  threads: false,
  command: (url) => [...onScreen(), '--private', url],
  version: () => {
    const [command, ...args] = onScreen();
    return versionOf(command!, ...args, '--version');
  },
};
const ARCHITECTURE = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
const onScreen = () => {
  const browser = debian(
    [`/usr/lib/${ARCHITECTURE}-linux-gnu/webkit2gtk-4.1/MiniBrowser`],
    ...['webkit2gtk-driver', 'xvfb', 'xauth'],
  );
  return ['xvfb-run', '-a', browser];
};

export const installed: readonly Browser[] = [chromium, firefox, webkit];

export const browsers: Runtime[] = installed.flatMap((browser) =>
  (['page', 'Worker'] as const).map((place) => ({
    name: `${browser.name} ${place}`,
    relaxed: browser.relaxed,
    threads: browser.threads,
    open: (program: Program) => open(browser, place, program),
  })),
);

async function open(
  browser: Browser,
  place: 'page' | 'Worker',
  program: Program,
): Promise<Session> {
  const version = browser.version();
  const exchange = new Exchange(await program.file('web', 'bundled'), place);
  const profile = mkdtempSync(join(tmpdir(), 'browser-'));
  let child: ChildProcess | undefined;
  try {
    const url = await exchange.listen();
    const [command, ...args] = browser.command(url, profile);
    // A group of its own, so that what it starts ends with it.
    child = spawn(command!, args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    child.on('exit', (code) => exchange.fail(`${browser.name} ended (${code})`));
    child.on('error', (error) => exchange.fail(error.message));
    child.stderr!.resume();
  } catch (error) {
    exchange.close();
    throw error;
  }
  return {
    version,
    ask: (request) => within(PATIENCE, browser.name, exchange.ask(request)),
    async close() {
      exchange.close();
      const ended = new Promise((resolve) => child.once('exit', resolve));
      try {
        process.kill(-child.pid!, 'SIGTERM');
        await within(5, browser.name, ended).catch(() => process.kill(-child.pid!, 'SIGKILL'));
      } catch {
        // It had ended already.
      }
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

/** The server that a page is loaded from, isolated, and that hands requests out and takes replies. */
class Exchange {
  private readonly server: Server;
  private waiting: ServerResponse | undefined;
  private pending:
    | { request: unknown; resolve(value: unknown): void; reject(e: Error): void }
    | undefined;
  private failure: Error | undefined;

  constructor(script: string, place: 'page' | 'Worker') {
    const start =
      place === 'page'
        ? `<script type="module" src="/program.mjs"></script>`
        : `<script>
           const failed = (text) => fetch('/reply', { method: 'POST', body: JSON.stringify({ error: text }) });
           const worker = new Worker('/program.mjs', { type: 'module' });
           worker.onerror = ({ message }) => failed('the Worker failed: ' + message);
           </script>`;
    const page = `<!doctype html><meta charset="utf-8"><title>${place}</title>${start}`;
    this.server = createServer((request, response) => {
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
      response.setHeader('Cache-Control', 'no-store');
      if (request.url === '/') {
        response.setHeader('Content-Type', 'text/html').end(page);
      } else if (request.url === '/program.mjs') {
        response.setHeader('Content-Type', 'text/javascript').end(readFileSync(script));
      } else if (request.url === '/next') {
        this.waiting = response;
        this.hand();
      } else if (request.url === '/reply') {
        let body = '';
        request.on('data', (text) => {
          body += text;
        });
        request.on('end', () => {
          response.end();
          this.settle(JSON.parse(body) as Reply);
        });
      } else {
        response.writeHead(404).end();
      }
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  ask(request: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.failure) throw this.failure;
      this.pending = { request, resolve, reject };
      this.hand();
    });
  }

  fail(reason: string): void {
    this.failure = new Error(reason);
    this.pending?.reject(this.failure);
  }

  close(): void {
    this.waiting?.end('null');
    this.server.close();
    this.server.closeAllConnections();
  }

  private hand(): void {
    if (!this.waiting || !this.pending) return;
    this.waiting.end(JSON.stringify(this.pending.request));
    this.waiting = undefined;
  }

  private settle(reply: Reply): void {
    const { pending } = this;
    this.pending = undefined;
    try {
      pending?.resolve(opened(reply));
    } catch (error) {
      pending?.reject(error as Error);
    }
  }
}
