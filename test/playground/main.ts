/**
 * `npm run test:playground`: the playground in Chromium, Firefox and WebKitGTK. In each it loads, trains,
 * answers to its controls, restores what an address says, and passes axe's rules.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Command } from 'commander';
import { type Browser, until } from './browser.ts';
import { type Check, checks } from './checks.ts';
import { chromium } from './chromium.ts';
import { firefox } from './firefox.ts';
import { serveSite } from './site.ts';
import { webkit } from './webkit.ts';

const BROWSERS: Record<string, () => Promise<Browser>> = { chromium, firefox, webkit };

const { only } = new Command('npm run test:playground --')
  .option('--only <names>', 'browsers whose names contain one of these words, with commas between')
  .parse()
  .opts<{ only?: string }>();

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const chosen = Object.entries(BROWSERS).filter(
  ([name]) => !only || only.split(',').some((word) => name.includes(word)),
);
let failures = 0;
const site = await serveSite();
try {
  for (const [name, start] of chosen) {
    const browser = await start();
    try {
      for (const check of checks(name === 'chromium')) await run(browser, check);
    } finally {
      await browser.close();
    }
  }
} finally {
  site.close();
}
if (chosen.length === 0) throw new Error(`--only: expected part of a browser's name, got ${only}`);
console.log(failures === 0 ? `\n${chosen.length} browsers pass` : `\n${failures} checks FAIL`);
process.exit(failures === 0 ? 0 : 1);

async function run(browser: Browser, { title, hash = '', run }: Check): Promise<void> {
  const began = performance.now();
  try {
    await browser.open(site.url + hash);
    const accuracies = `[...document.querySelectorAll('[data-accuracy]')]`;
    await until(browser, `window.recorded && ${accuracies}.length === 2`, 'a page');
    const ready = `${accuracies}.every((e) => e.textContent.includes('%'))`;
    await until(browser, `${ready} || recorded.errors.length > 0`, 'two networks');
    assert.deepEqual(await browser.evaluate('recorded.errors'), [], 'errors in the console');
    await run(browser, axe);
    assert.deepEqual(await browser.evaluate('recorded.errors'), [], 'errors in the console');
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`${browser.name}: ${title} (${seconds} s)`);
  } catch (error) {
    failures++;
    console.log(`${browser.name}: ${title}: FAILS: ${(error as Error).message}`);
  }
}
