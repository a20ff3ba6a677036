/** A project in TypeScript, strict, which reads the declarations of everything it imports. */
import { readFileSync } from 'node:fs';
import type { Case } from '../kit/case.ts';
import { Consumer } from '../kit/consumer.ts';
import { tools } from '../kit/tools.ts';

const SETTINGS: Record<string, object> = {
  'moduleResolution bundler': { module: 'esnext', moduleResolution: 'bundler' },
  'moduleResolution node16': { module: 'node16', moduleResolution: 'node16' },
  // Node's types stand in for the browser's.
  'node16, no DOM': { module: 'node16', moduleResolution: 'node16', lib: ['es2022'] },
};

export const cases: Case[] = Object.entries(SETTINGS).map(([name, settings]) => ({
  name: `TypeScript, ${name}`,
  tool: 'typescript',
  async run() {
    const consumer = await Consumer.make(name.replace(/\W+/g, '-'), 'test/bundlers/typed');
    const compilerOptions = {
      target: 'es2022',
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      typeRoots: [`${tools}/node_modules/@types`],
      types: 'lib' in settings ? ['node'] : [],
      ...settings,
    };
    consumer.write('entries.ts', entries(consumer));
    const files = ['main.ts', 'entries.ts'];
    consumer.write('tsconfig.json', JSON.stringify({ compilerOptions, files }));
    await consumer.tool('tsc', '-p', '.');
    return {};
  },
}));

/** A module that imports all that the package has types for. */
function entries(consumer: Consumer): string {
  const manifest = readFileSync(consumer.path('node_modules/evenkeel/package.json'), 'utf8');
  return Object.entries<string | { types: string }>(JSON.parse(manifest).exports)
    .filter(([, target]) => typeof target === 'object')
    .map(([subpath], i) => `export * as entry${i} from 'evenkeel${subpath.slice(1)}';\n`)
    .join('');
}
