/**
 * Start-up: a fresh Node process, from the import of the built package to the first result of
 * BatchNorm1d(100) on [128, 100]. Beside it, interleaved, the import of an empty module, which is what Node
 * itself takes.
 *
 *   npm run build && npx tsx bench/startup.ts [rounds] [node binary]
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const [rounds = '21', node = process.execPath] = process.argv.slice(2);
const dist = fileURLToPath(new URL('../dist/index.js', import.meta.url));

const EMPTY = `
const start = performance.now();
await import('data:text/javascript,export default 1');
console.log(JSON.stringify([performance.now() - start]));
`;
const FIRST_RESULT = `
const data = Float32Array.from({ length: 12800 }, (_, i) => ((i * 7919) % 1009) / 500 - 1);
const start = performance.now();
const { BatchNorm1d } = await import(${JSON.stringify(dist)});
const imported = performance.now();
const norm = new BatchNorm1d(100);
const made = performance.now();
norm.forward({ data, shape: [128, 100] }).toArray();
const done = performance.now();
console.log(JSON.stringify([done - start, imported - start, made - imported, done - made]));
`;

function measure(code: string): number[] {
  const { status, stdout, stderr } = spawnSync(node, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

const empty: number[][] = [];
const first: number[][] = [];
for (let i = 0; i < Number(rounds); i++) {
  empty.push(measure(EMPTY));
  first.push(measure(FIRST_RESULT));
}

function print(what: string, runs: readonly number[][], column: number): void {
  const times = runs.map((run) => run[column]!).sort((a, b) => a - b);
  const median = times[times.length >> 1]!;
  console.log(
    `${what.padEnd(34)}${median.toFixed(2).padStart(9)}${times[0]!.toFixed(2).padStart(9)}`,
  );
}

console.log(`${`ms, ${rounds} processes`.padEnd(34)}   median    least`);
print('import to first result', first, 0);
print('  import', first, 1);
print('  new BatchNorm1d (kernels start)', first, 2);
print('  forward and toArray', first, 3);
print('an empty import', empty, 0);
