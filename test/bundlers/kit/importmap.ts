/** A page without bundler: its import map, and a Worker, to which import maps do not apply, by paths. */
import { readFileSync } from 'node:fs';
import { Consumer } from './consumer.ts';

export async function unbundled(name: string): Promise<Consumer> {
  const consumer = await Consumer.make(name);
  const manifest = consumer.path('node_modules/evenkeel/package.json');
  const imports: Record<string, string> = {};
  for (const [subpath, target] of Object.entries(
    JSON.parse(readFileSync(manifest, 'utf8')).exports,
  )) {
    const file = (target as { default?: string }).default;
    if (file) imports[`evenkeel${subpath.slice(1)}`] = `/node_modules/evenkeel/${file.slice(2)}`;
  }
  consumer.write(
    'index.html',
    `<!doctype html>
     <script type="importmap">${JSON.stringify({ imports })}</script>
     <script type="module" src="./page.js"></script>`,
  );
  for (const file of ['worker.js', 'training.js']) {
    const source = readFileSync(consumer.path(file), 'utf8')
      .replace(/'(evenkeel[^']*)'/g, (_, path) => `'${imports[path]}'`)
      .replace('./training.js', './worker-training.js');
    consumer.write(file === 'worker.js' ? file : 'worker-training.js', source);
  }
  return consumer;
}
