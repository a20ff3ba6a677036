/** The links of the documentation lead somewhere, and the check of links sees those that do not. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkPages, checkSite } from '../../scripts/docs/links.ts';
import { anchorsOf, linksOf, pages } from '../../scripts/docs/pages.ts';

const root = new URL('../..', import.meta.url).pathname;

it('all links of all pages lead to files and headings that exist', () => {
  expect(checkPages(root, pages(root))).toEqual([]);
});

const folder = mkdtempSync(join(tmpdir(), 'links-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

describe('checkPages', () => {
  beforeAll(() => write({ 'docs/other.md': '# One\n\n## Two words\n\n## Two words\n' }));

  it.each([
    ['[a](docs/other.md)', undefined],
    ['[a](docs/other.md#two-words-1)', undefined],
    ['[a](#here)', undefined],
    ['[a](docs)', undefined],
    ['[a](https://example.com/x?y#z)', undefined],
    ['`[a](nowhere.md)`', undefined],
    ['```ts\n[a](nowhere.md)\n```', undefined],
    ['[a](nowhere.md)', 'no such file'],
    ['![a](nowhere.png)', 'no such file'],
    ['<img src="nowhere.png">', 'no such file'],
    ['[a]: nowhere.md', 'no such file'],
    ['[`a`](nowhere.md)', 'no such file'],
    ['[a](docs/other.md#three)', 'no such heading'],
    ['[a](#there)', 'no such heading'],
    ['[a](/docs/other.md)', 'expected a relative path'],
    ['[a](../secret.md)', 'outside the project'],
    ['[a](https://nowhere)', 'not an address'],
    ['[a](http:/example)', 'not an address'],
    ['[a](ftp://example.com)', 'not an address'],
  ])('%s: %s', (text, wrong) => {
    write({ 'page.md': `# Here\n\n${text}\n` });
    const found = checkPages(folder, ['page.md']);
    if (wrong) expect(found).toEqual([expect.stringContaining(wrong)]);
    else expect(found).toEqual([]);
  });
});

describe('checkSite', () => {
  beforeAll(() => write({ 'site/guide/one.html': '<h1 id="one"></h1><h2 id="σ"></h2>' }));

  it.each([
    ['<a href="/base/guide/one.html">', undefined],
    ['<a href="/base/guide/one">', undefined],
    ['<a class="x" href="guide/one.html#one">', undefined],
    ['<a href="guide/one.html#%CF%83">', undefined],
    ['<a href="https://example.com">', undefined],
    ['<a href="/base/guide/two.html">', 'no such page'],
    ['<a href="/base/guide/">', 'no such page'],
    ['<a href="/base/guide">', 'no such page'],
    ['<a href="/base/">', undefined],
    ['<a href="/guide/one.html">', 'outside /base/'],
    ['<a href="guide/one.html#two">', 'no such anchor'],
    ['<img alt="x" src="guide/one.png">', 'no such page'],
    ['<script src="app.js"></script>', 'no such page'],
    ['<a href="#nothing">', 'no such anchor'],
  ])('%s: %s', (html, wrong) => {
    write({ 'site/index.html': html });
    const found = checkSite(join(folder, 'site'), '/base/');
    if (wrong) expect(found).toEqual([expect.stringContaining(wrong)]);
    else expect(found).toEqual([]);
  });
});

it('anchors are those of GitHub', () => {
  const text =
    '# `Conv2d`: a [link](x.md) & *more*\n\n## 1. Why?\n\n## σ = √(v)\n\n```sh\n# no heading\n```\n';
  expect([...anchorsOf(text)]).toEqual(['conv2d-a-link--more', '1-why', 'σ--v']);
});

it('links are found in lists, tables and pictures that are links', () => {
  const text =
    '- [a](one.md)\n\n| [b](two.md "title") |\n\n[![c](three.png)](four.md) `x` [d](five.md) `y`\n';
  expect(linksOf(text)).toEqual(['one.md', 'two.md', 'three.png', 'four.md', 'five.md']);
});
