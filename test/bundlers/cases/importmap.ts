import { serving, visit } from '../kit/browser.ts';
import type { Case, Places } from '../kit/case.ts';
import { unbundled } from '../kit/importmap.ts';

export const cases: Case[] = [
  {
    name: 'import map, no bundler',
    async run() {
      const consumer = await unbundled('importmap');
      return serving(consumer.folder, (url) => visit<Places>(url));
    },
  },
];
