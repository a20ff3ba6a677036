/**
 * Checks links. Those inside the project must lead to a file and, with an anchor, to a heading of it.
 * External ones are not followed; their addresses must be well formed.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { anchorsOf, linksOf } from './pages.ts';

/** What is wrong with the links of Markdown pages, whose paths are relative to `root`. */
export function checkPages(root: string, paths: readonly string[]): string[] {
  const anchors = new Map<string, Set<string>>();
  const anchorsIn = (path: string) => {
    if (!anchors.has(path)) anchors.set(path, anchorsOf(read(root, path)));
    return anchors.get(path)!;
  };
  return paths.flatMap((page) =>
    linksOf(read(root, page)).flatMap((link) => {
      if (isExternal(link)) return isWellFormed(link) ? [] : [`${page}: ${link}: not an address`];
      if (link.startsWith('/')) return [`${page}: ${link}: expected a relative path`];
      const [path = '', anchor] = decodeURI(link).split('#');
      const target = path === '' ? page : posix.join(posix.dirname(page), path.split('?')[0]!);
      if (target.startsWith('..')) return [`${page}: ${link}: outside the project`];
      if (!existsSync(posix.join(root, target))) return [`${page}: ${link}: no such file`];
      if (anchor === undefined || !target.endsWith('.md')) return [];
      return anchorsIn(target).has(anchor) ? [] : [`${page}: ${link}: no such heading`];
    }),
  );
}

/** What is wrong with the links of a built site, which is served under `base`. */
export function checkSite(folder: string, base: string): string[] {
  const files = new Set(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => posix.relative(folder, posix.join(parentPath, name))),
  );
  const pages = [...files].filter((path) => path.endsWith('.html'));
  const ids = new Map(
    pages.map((page) => {
      const found = read(folder, page).matchAll(/\s(?:id|name)="([^"]+)"/g);
      return [page, new Set([...found].map(([, id]) => unescaped(id!)))];
    }),
  );
  return pages.flatMap((page) => {
    const links = new Set(
      [
        ...read(folder, page).matchAll(
          /<(?:a|img|link|script|iframe)\b[^>]*?\s(?:href|src)="([^"]*)"/g,
        ),
      ]
        .map(([, link]) => unescaped(link!))
        .filter((link) => !link.startsWith('data:')),
    );
    return [...links].flatMap((link) => {
      if (isExternal(link)) return isWellFormed(link) ? [] : [`${page}: ${link}: not an address`];
      const url = new URL(link, `http://site${base}${page}`);
      if (!url.pathname.startsWith(base)) return [`${page}: ${link}: outside ${base}`];
      const path = decodeURIComponent(url.pathname.slice(base.length));
      const names = /(^|\/)$/.test(path) ? [`${path}index.html`] : [path, `${path}.html`];
      const target = names.find((name) => files.has(name));
      if (!target) return [`${page}: ${link}: no such page`];
      const anchor = decodeURIComponent(url.hash.slice(1));
      if (anchor === '' || !ids.has(target)) return [];
      return ids.get(target)!.has(anchor) ? [] : [`${page}: ${link}: no such anchor`];
    });
  });
}

function read(root: string, path: string): string {
  return readFileSync(posix.join(root, path), 'utf8');
}

function isExternal(link: string): boolean {
  return /^([a-z][a-z0-9+.-]*:|\/\/)/i.test(link);
}

function isWellFormed(link: string): boolean {
  if (link.startsWith('mailto:')) return /^mailto:[^@\s]+@[^@\s]+\.\w+$/.test(link);
  if (!URL.canParse(link) || !/^https?:\/\//.test(link)) return false;
  const { hostname } = new URL(link);
  return hostname === 'localhost' || /^[\w-]+(\.[\w-]+)+$/.test(hostname);
}

function unescaped(text: string): string {
  return text.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&');
}
