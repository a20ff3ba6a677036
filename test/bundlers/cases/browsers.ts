/** One bundle in every browser: what the page and its Worker train. Nothing drives them; the page reports. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, installed } from '../../everywhere/browsers.ts';
import { within } from '../../everywhere/runtime.ts';
import { serving } from '../kit/browser.ts';
import { type Case, expectError, type Places } from '../kit/case.ts';
import { Consumer } from '../kit/consumer.ts';

const REPORT = `
const post = (report) => fetch('/', { method: 'POST', body: JSON.stringify(report) });
addEventListener('error', ({ message }) => post({ error: message }));
import('./page.js').then(() => outcome).then(post, (error) => post({ error: String(error) }));
`;

export const cases: Case[] = installed.flatMap((browser) => [
  {
    name: `${browser.name}, evenkeel/worker`,
    run: () => report(browser),
  },
  {
    name: `${browser.name}, Content-Security-Policy`,
    async run() {
      const under = (sources: string) =>
        report(browser, {
          'content-security-policy': `script-src 'self' 'unsafe-inline' ${sources}`,
        });
      await expectError(under(''), /Content-Security-Policy .*add 'wasm-unsafe-eval'/);
      return under("'wasm-unsafe-eval'");
    },
  },
]);

/** What the page reports of itself and its Worker, served with `headers`. */
async function report(browser: Browser, headers: Record<string, string> = {}): Promise<Places> {
  const consumer = await Consumer.make(browser.name.toLowerCase());
  const options = ['--bundle', '--format=esm', '--outdir=dist'];
  await consumer.tool('esbuild', 'page.js', 'worker.js', ...options);
  consumer.write('dist/index.html', `<!doctype html><script type="module">${REPORT}</script>`);
  const { posted, report } = mailbox();
  const use = (url: string) => open(browser, url, report);
  return serving(consumer.path('dist'), use, { headers, posted });
}

function mailbox(): { posted: (text: string) => void; report: Promise<Places> } {
  let posted!: (text: string) => void;
  const report = new Promise<Places>((resolve, reject) => {
    posted = (text) => {
      const { error, ...places } = JSON.parse(text);
      if (error) reject(new Error(error));
      else resolve(places);
    };
  });
  return { posted, report };
}

/** Waits for the report with the browser at `url`. */
async function open(browser: Browser, url: string, report: Promise<Places>): Promise<Places> {
  const profile = mkdtempSync(join(tmpdir(), 'browser-'));
  const [command, ...args] = browser.command(url, profile);
  // A group of its own, so that what it starts ends with it.
  const child = spawn(command!, args, { stdio: 'ignore', detached: true });
  const ended = new Promise<never>((_, reject) => {
    child.on('exit', (code) => reject(new Error(`${browser.name} ended (${code})`)));
    child.on('error', reject);
  });
  try {
    return await within(120, browser.name, Promise.race([report, ended]));
  } finally {
    ended.catch(() => {});
    if (child.exitCode === null && child.pid) process.kill(-child.pid, 'SIGTERM');
    await Promise.race([ended.catch(() => {}), new Promise((r) => setTimeout(r, 5000))]);
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
