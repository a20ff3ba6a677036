/** What the site does with a page's Markdown, so that the same text reads well on GitHub and here. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { renderMermaidSVG } from 'beautiful-mermaid';
import type { MarkdownRenderer } from 'vitepress';
import { slug } from '../../scripts/docs/pages.ts';
import type { Reference } from '../../scripts/docs/reference.ts';

type Token = ReturnType<MarkdownRenderer['parse']>[number];

export interface Surroundings {
  /** The project's folder. */
  readonly root: string;
  /** The repository's address, for files that are not on the site. */
  readonly repository: string;
  readonly base: string;
  readonly reference: Reference;
}

export const anchor = { slugify: slug };

export function extend(md: MarkdownRenderer, surroundings: Surroundings): void {
  const names = namesOf(surroundings.reference);
  md.core.ruler.push('project', (state) => {
    const page: string = state.env.relativePath ?? '';
    if (page === 'index.md') state.tokens = afterHero(state.tokens);
    state.tokens.forEach((token, i) => {
      if (token.type !== 'inline' || !token.children) return;
      for (const child of token.children) adjust(child, page, surroundings);
      const isHeading = state.tokens[i - 1]?.type === 'heading_open';
      if (isHeading || page.startsWith('docs/api/')) return;
      token.children = linkNames(token.children, names, state.Token);
    });
  });
  const fence = md.renderer.rules.fence!;
  md.renderer.rules.fence = (tokens, index, options, env, self) => {
    const token = tokens[index]!;
    const [language, mark, path] = token.info.trim().split(/\s+/);
    if (language === 'mermaid') return diagram(token.content);
    const code = fence(tokens, index, options, env, self);
    if (mark !== 'source:') return code;
    const address = `${surroundings.repository}/blob/main/${path}`;
    return `<p class="source-path"><a href="${address}"><code>${path}</code></a></p>${code}`;
  };
}

/** The README without its beginning, which the home page shows in its own way. */
function afterHero(tokens: Token[]): Token[] {
  const start = tokens.findIndex(({ type, tag }) => type === 'heading_open' && tag === 'h2');
  return tokens.slice(Math.max(start, 0));
}

/** Links: to pages as they are, to other files in the repository, to static parts without the router. */
function adjust(token: Token, page: string, { root, repository, base }: Surroundings): void {
  if (token.type === 'image') {
    const src = token.attrGet('src') ?? '';
    if (isInside(src) && !existsSync(posix.join(root, posix.dirname(page), src))) {
      Object.assign(token, { type: 'text', content: `[${token.content}]`, children: null });
    }
    return;
  }
  if (token.type !== 'link_open') return;
  const href = token.attrGet('href') ?? '';
  if (!isInside(href) || href.startsWith('#') || href.startsWith('/')) return;
  const [path = '', hash] = href.split('#');
  const from = page.startsWith('docs/api/') ? page : sourceOf(page);
  const target = posix.join(posix.dirname(from), path);
  const tail = hash === undefined ? '' : `#${hash}`;
  if (target === 'README.md') token.attrSet('href', `/${tail}`);
  else if (isStatic(target)) {
    token.attrSet('href', `${base}${target}${tail}`);
    token.attrSet('target', '_self');
  } else if (!target.endsWith('.md') || !isPage(target)) {
    const kind = existsSync(`${root}/${target}`) && statSync(`${root}/${target}`).isDirectory();
    token.attrSet('href', `${repository}/${kind ? 'tree' : 'blob'}/main/${target}${tail}`);
  }
}

/** The file of a page in the project. */
export function sourceOf(page: string): string {
  return page === 'index.md' ? 'README.md' : page;
}

function isInside(href: string): boolean {
  return !/^([a-z][a-z0-9+.-]*:|\/\/)/i.test(href);
}

/** Whether the site copies the file as it is. */
export function isStatic(path: string): boolean {
  return (
    /^docs\/claims\/.*\.(html|json|svg|png|css|js)$/.test(path) ||
    /^playground\/(?!.*\.md$)/.test(path)
  );
}

function isPage(path: string): boolean {
  return /^(docs\/.*|bench\/\w+|(examples|playground)\/README|\w+)\.md$/.test(path);
}

/** The pages of public names, without those that two modules have. */
function namesOf(reference: Reference): Map<string, string> {
  const names = new Map<string, string>();
  const twice = new Set<string>();
  for (const { name, page } of reference.flatMap(({ entries }) => entries)) {
    if (names.has(name)) twice.add(name);
    names.set(name, page);
  }
  for (const name of twice) names.delete(name);
  return names;
}

/** `BatchNorm1d` in a text leads to its page in the reference; so does `fit()`. */
function linkNames(
  tokens: Token[],
  names: Map<string, string>,
  TokenClass: new (type: string, tag: string, nesting: -1 | 0 | 1) => Token,
): Token[] {
  let depth = 0;
  return tokens.flatMap((token) => {
    if (token.type === 'link_open') depth++;
    if (token.type === 'link_close') depth--;
    const name = token.content.replace(/^new |\(\)$/g, '');
    const page = names.get(name);
    if (token.type !== 'code_inline' || depth > 0 || !page) return [token];
    const open = new TokenClass('link_open', 'a', 1);
    open.attrSet('href', `/docs/api/${page}`);
    open.attrSet('class', 'api');
    return [open, token, new TokenClass('link_close', 'a', -1)];
  });
}

/** A picture in the site's colours, which style.css names. Its own style would fetch a font. */
function diagram(text: string): string {
  const svg = renderMermaidSVG(text, { transparent: true })
    .replace(/<style>[\s\S]*?<\/style>/, '')
    .replace(/^<svg([^>]*) style="[^"]*"/, '<svg$1')
    .replace(/\n\s*\n/g, '\n');
  return `<div class="diagram" v-pre>${svg}</div>`;
}

/** The README's beginning, as the home page's frontmatter: name, sentence and what it promises. */
export function hero(readme: string): Record<string, unknown> {
  const [beginning = ''] = readme.split(/^## /m);
  const [, slogan = '', rest = ''] = beginning.match(/^_(.+?)_\s*(.*)$/m) ?? [];
  const promises = [...beginning.matchAll(/^- \*\*(.+?)\*\*:?\s*(.+)$/gm)];
  return {
    layout: 'home',
    hero: {
      name: beginning.match(/^# (.+)$/m)?.[1],
      text: slogan.replace(/\.$/, ''),
      tagline: rest,
    },
    features: promises.map(([, title, details]) => ({
      title,
      details: capital(details!)
        .replace(/ \(\[[^)]*\)\)/g, '')
        .replace(/`([^`]+)`/g, '<code>$1</code>'),
    })),
  };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function readReadme(root: string): string {
  return readFileSync(`${root}/README.md`, 'utf8');
}
