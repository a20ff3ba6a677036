/**
 * Makes docs/playground.png: the playground after some seconds of training, in Debian's Chromium.
 *
 *   tsx scripts/playground-picture.ts
 */
import { statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { until } from '../test/playground/browser.ts';
import { chromium } from '../test/playground/chromium.ts';
import { serveSite } from '../test/playground/site.ts';

const TARGET = fileURLToPath(new URL('../docs/playground.png', import.meta.url));
const LARGEST = 200_000;
const STEPS = 200;

const site = await serveSite();
const browser = await chromium({ width: 1280, height: 880 });
try {
  await browser.open(site.url);
  const steps = `Number(document.querySelector('#steps')?.textContent.replaceAll(',', ''))`;
  await until(browser, `document.querySelector('[data-speed="a"]')`, 'the page');
  await browser.evaluate('new Promise((resolve) => setTimeout(resolve, 1000))');
  await browser.click('#train');
  await until(browser, `${steps} >= ${STEPS}`, `${STEPS} steps`, 180);
  await browser.evaluate(`document.querySelector('#train').blur()`);
  writeFileSync(TARGET, await browser.screenshot());
} finally {
  await browser.close();
  site.close();
}
const { size } = statSync(TARGET);
if (size > LARGEST) throw new Error(`${TARGET} has ${size} bytes, expected at most ${LARGEST}`);
console.log(`${TARGET}: ${size} bytes`);
