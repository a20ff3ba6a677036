/** The pages of the documentation: the Markdown files of the project that the site shows, and their links. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

/** Pages outside docs/, which stand where GitHub's readers look for them. */
const OUTSIDE = [
  ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
  ...['bench/README.md', 'bench/RESULTS.md', 'examples/README.md', 'playground/README.md'],
];

/** All pages, without the generated reference. Paths are relative to `root`, the project's folder. */
export function pages(root = '.'): string[] {
  const inDocs = readdirSync(posix.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .map((path) => `docs/${path.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.md') && !/^docs\/(api|\.vitepress)\//.test(path));
  return [...OUTSIDE.filter((path) => existsSync(posix.join(root, path))), ...inDocs.sort()];
}

export interface Block {
  /** ts, js, sh, … or '' for none. */
  readonly language: string;
  /** What follows the language in the fence's first line. */
  readonly mark: string;
  readonly code: string;
}

const FENCE = /^( *)(`{3,})([^\n`]*)\n([\s\S]*?)^ *\2 *$/gm;

/** The code blocks of a page. */
export function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(FENCE)].map(([, , , info, code]) => {
    const [language = '', ...mark] = info!.trim().split(/\s+/);
    return { language, mark: mark.join(' '), code: code! };
  });
}

/** The text without code and comments, in which what looks like a link is one. */
function prose(markdown: string): string {
  return markdown
    .replace(FENCE, '')
    .replace(/<!--[\s\S]*?-->/g, '')
    .replace(/(`+)(?!`)[\s\S]*?[^`]\1(?!`)/g, '');
}

/** The targets of all links and images of a page. */
export function linksOf(markdown: string): string[] {
  const text = prose(markdown);
  const inline = [...text.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)];
  const defined = [...text.matchAll(/^\s*\[[^\]]+\]:\s*(\S+)/gm)];
  const html = [...text.matchAll(/<(?:a|img|source)\b[^>]*?\s(?:href|src|srcset)="([^"]+)"/g)];
  return [...inline, ...defined, ...html].map(([, target]) => target!);
}

/** The anchor that GitHub gives to a heading. The site gives the same. */
export function slug(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
    .replaceAll(' ', '-');
}

/** The anchors of a page: those of its headings, and ids in its HTML. */
export function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  const text = markdown.replace(FENCE, '');
  for (const [, heading] of text.matchAll(/^#{1,6} +(.+?) *#* *$/gm)) {
    const plain = heading!.replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]|<[^>]+>/g, '');
    const base = slug(plain);
    let anchor = base;
    for (let i = 1; anchors.has(anchor); i++) anchor = `${base}-${i}`;
    anchors.add(anchor);
  }
  for (const [, id] of text.matchAll(/\s(?:id|name)="([^"]+)"/g)) anchors.add(id!);
  return anchors;
}

/** The first heading of a page, as plain text. */
export function titleOf(path: string): string {
  const heading =
    readFileSync(path, 'utf8').match(/^# +(.+)$/m)?.[1] ?? posix.basename(path, '.md');
  return heading.replace(/[`*_]/g, '');
}
