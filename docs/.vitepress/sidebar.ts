/** The site's sidebars. A page that is not named here stands under "More", so that none is lost. */
import { existsSync, readFileSync } from 'node:fs';
import type { DefaultTheme } from 'vitepress';
import { pages, titleOf } from '../../scripts/docs/pages.ts';
import { type Entry, type Reference, ROOM_ORDER } from '../../scripts/docs/reference.ts';

type Item = DefaultTheme.SidebarItem;

/** A heading, and pages (or folders of pages) under it; those that do not exist are left out. */
const SECTIONS: readonly (readonly [heading: string, paths: readonly string[]])[] = [
  ['Start', ['README.md', 'docs/networks.md', 'examples/README.md', 'docs/runtimes.md']],
  ['Guide', ['docs/guide/', 'docs/when-not.md']],
  ['Recipes', ['docs/recipes/']],
  [
    'Layers and training',
    [
      ...[
        'docs/batchnorm.md',
        'docs/batchnorm-variants.md',
        'docs/layernorm.md',
        'docs/rmsnorm.md',
      ],
      ...['docs/groupnorm.md', 'docs/localresponsenorm.md', 'docs/weightnorm.md'],
      ...[
        'docs/spectralnorm.md',
        'docs/operations.md',
        'docs/sequences.md',
        'docs/inputs.md',
        'docs/training.md',
        'docs/saving.md',
        'docs/workers.md',
        'docs/threads.md',
        'docs/memory.md',
        'docs/convolutions.md',
      ],
      ...['docs/inspect.md', 'docs/lint.md', 'docs/fold.md', 'docs/models.md'],
      ...['docs/keras.md', 'docs/onnx.md', 'docs/onnx-tests.md'],
    ],
  ],
  ['Help', ['docs/coming-from.md', 'docs/from-pytorch.md', 'docs/troubleshooting.md']],
  ['Claims', ['docs/claims/']],
  [
    'For developers',
    [
      ...['ARCHITECTURE.md', 'CONTRIBUTING.md', 'docs/tuning.md'],
      ...['docs/evidence.md', 'docs/glossary.md'],
      ...['playground/README.md', 'bench/README.md', 'bench/RESULTS.md', 'CHANGELOG.md'],
    ],
  ],
];

const NAMES: Record<string, string> = {
  'README.md': 'What it is, and a quick start',
  'examples/README.md': 'Examples of runtimes',
};

/** The sidebar of all pages but the reference; `root` is the project's folder. */
export function bookSidebar(root: string, extra: Record<string, Item[]>): Item[] {
  const all = pages(root);
  const taken = new Set<string>();
  const page = (path: string): Item => {
    taken.add(path);
    return { text: NAMES[path] ?? titleOf(`${root}/${path}`), link: linkOf(path) };
  };
  const only = (path: string) => all.filter((p) => p === path);
  const folder = (path: string) => {
    const inside = all.filter((p) => p.startsWith(path) && p !== `${path}index.md`);
    return [...only(`${path}index.md`), ...inside];
  };
  const sections = SECTIONS.map(([text, paths]): Item => {
    const found = paths.flatMap((path) => (path.endsWith('/') ? folder(path) : only(path)));
    const isLong = text === 'Recipes' || text === 'For developers';
    return {
      text,
      collapsed: isLong,
      items: [...found.map(page), ...(extra[text] ?? [])],
    };
  });
  const rest = all.filter((path) => !taken.has(path)).map(page);
  return [...sections, { text: 'More', items: rest }].filter(({ items }) => items!.length > 0);
}

export function linkOf(path: string): string {
  return path === 'README.md' ? '/' : `/${path.replace(/(index)?\.md$/, '')}`;
}

/** The index that scripts/docs/api.ts writes. */
export function readReference(root: string): Reference {
  const path = `${root}/docs/api/index.json`;
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : [];
}

/** The sidebar of the reference: rooms of the main module, then the other modules. */
export function apiSidebar(reference: Reference): Item[] {
  const [main, ...others] = reference;
  if (!main) return [];
  const item = ({ name, page }: Entry): Item => ({ text: name, link: `/docs/api/${page}` });
  const group = (text: string, entries: Entry[], isOpen = false): Item => ({
    text,
    collapsed: !isOpen,
    items: entries.map(item),
  });
  const values = main.entries.filter(({ isType }) => !isType);
  const rooms = ROOM_ORDER.map((room, i) =>
    group(
      room,
      values.filter((entry) => entry.room === room),
      i === 0,
    ),
  );
  const types = group(
    'Types',
    main.entries.filter(({ isType }) => isType),
  );
  return [
    { text: 'API reference', link: '/docs/api/', items: [] },
    ...[...rooms, types].filter(({ items }) => items!.length > 0),
    ...others.map(({ name, page, entries }) => ({
      ...group(name, entries),
      link: `/docs/api/${page}`,
    })),
  ];
}
