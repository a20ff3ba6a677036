/** The documentation site: `npm run docs` builds it into out/docs, `npm run docs:dev` serves it. */
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type DefaultTheme, defineConfig } from 'vitepress';
import { pages } from '../../scripts/docs/pages.ts';
import { anchor, extend, hero, isStatic, readReadme } from './markdown.ts';
import { apiSidebar, bookSidebar, readReference } from './sidebar.ts';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const manifest = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
const repository = manifest.repository.url.replace(/^git\+|\.git$/g, '');
/** Where the site will stand: `/`, or `/evenkeel/` on GitHub's pages. */
const base = process.env.DOCS_BASE ?? '/';
const reference = readReference(root);
/** scripts/docs/main.ts builds it into the site; the server of docs:dev does not have it. */
const hasPlayground = process.argv.includes('build') && existsSync(`${root}/scripts/playground.ts`);
const hasClaims = existsSync(`${root}/docs/claims/index.html`);

/** Parts of the site that are not pages: links to them leave the router. */
const claims = { text: 'Claims by experiment', link: '/docs/claims/index.html', target: '_self' };
const play = { text: 'Playground', link: '/playground/index.html', target: '_self' };

const shown = new Set(pages(root));
const hidden = readdirSync(root, { withFileTypes: true }).flatMap(({ name }) => {
  if (name.endsWith('.md')) return shown.has(name) ? [] : [name];
  if (name === 'docs' || name === 'node_modules') return [];
  return ['bench', 'examples', 'playground'].includes(name) ? [`${name}/*/**`] : [`${name}/**`];
});

const guide = shown.has('docs/guide/index.md') ? '/docs/guide/' : '/docs/batchnorm';
const nav: DefaultTheme.NavItem[] = [
  { text: 'Guide', link: guide },
  ...(shown.has('docs/recipes/index.md') ? [{ text: 'Recipes', link: '/docs/recipes/' }] : []),
  { text: 'API', link: '/docs/api/' },
  ...(hasClaims ? [{ ...claims, text: 'Claims' }] : []),
  ...(hasPlayground ? [play] : []),
];

export default defineConfig({
  title: manifest.name,
  description: manifest.description,
  lang: 'en',
  base,
  srcDir: '..',
  srcExclude: hidden,
  outDir: '../out/docs',
  cacheDir: '../build/vitepress',
  rewrites: { 'README.md': 'index.md' },
  cleanUrls: false,
  metaChunk: true,
  ignoreDeadLinks: true, // scripts/docs/main.ts checks all links and anchors
  vite: {
    build: { chunkSizeWarningLimit: 4000 }, // the search's index, loaded when it is asked for
    optimizeDeps: { entries: ['docs/.vitepress/theme/index.ts'] }, // not every page in the project
    server: { watch: { ignored: ['build', 'data', 'dist', 'out'].map((f) => `${root}/${f}/**`) } },
  },
  markdown: {
    anchor,
    config: (md) => extend(md, { root, repository, base, reference }),
  },
  themeConfig: {
    nav,
    sidebar: {
      '/docs/api/': apiSidebar(reference),
      '/': bookSidebar(root, {
        Start: hasPlayground ? [play] : [],
        Claims: hasClaims ? [claims] : [],
        'For developers': [{ text: 'API reference', link: '/docs/api/' }],
      }),
    },
    outline: [2, 3],
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: repository }],
    docFooter: { prev: 'Previous', next: 'Next' },
    footer: { message: `${manifest.license} licence`, copyright: manifest.author },
  },
  transformPageData(page) {
    if (page.relativePath !== 'index.md') return;
    const { hero: text, ...rest } = hero(readReadme(root)) as { hero: object };
    const actions = [
      { theme: 'brand', text: 'Quick start', link: '#quick-start' },
      { theme: 'alt', text: 'Guide', link: guide },
      ...(hasPlayground ? [{ ...play, theme: 'alt' }] : []),
      { theme: 'alt', text: 'API', link: '/docs/api/' },
    ];
    page.frontmatter = { ...rest, hero: { ...text, actions }, ...page.frontmatter };
  },
  buildEnd({ outDir }) {
    if (hasClaims) {
      cpSync(`${root}/docs/claims`, `${outDir}/docs/claims`, {
        recursive: true,
        filter: (path) => !/\.\w+$/.test(path) || isStatic(path.slice(root.length + 1)),
      });
    }
  },
});
