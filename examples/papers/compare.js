/**
 * Runs programs and their twins in turn, and prints the table of README.md: mean ± standard deviation over seeds,
 * and the median of the CPU time on one thread.
 *
 *   node examples/papers/compare.js vae gru --seeds 3 --python /usr/bin/python3
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ALL = [
  'vae',
  'transformer',
  'transformer --norm rms',
  'seresnet',
  'gru',
  'unet',
  'contrastive',
  'dcgan',
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '3' },
    python: { type: 'string', default: 'python3' },
  },
});

/** The numbers of the line that a program prints, by name. */
function resultsOf(command, file, args) {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const line = execFileSync(command, [path, ...args], { encoding: 'utf8' });
  const numbers = [...line.matchAll(/(\w+) (-?[\d.]+)(?=,)/g)].map(([, name, x]) => [name, +x]);
  return { ...Object.fromEntries(numbers), seconds: +/([\d.]+) s of CPU/.exec(line)[1] };
}

const mean = (x) => x.reduce((sum, value) => sum + value, 0) / x.length;
const deviation = (x) =>
  Math.sqrt(x.reduce((sum, value) => sum + (value - mean(x)) ** 2, 0) / (x.length - 1));
const spread = (x) => `${mean(x).toPrecision(4)} ± ${deviation(x).toPrecision(2)}`;
const median = (x) => [...x].sort((a, b) => a - b)[x.length >> 1];

console.log('| program | result | evenkeel | PyTorch | evenkeel | PyTorch |');
console.log('|---|---|---|---|---|---|');
for (const program of ALL) {
  const [name, ...options] = program.split(' ');
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const [ours, theirs] = [[], []];
  for (let seed = 1; seed <= Number(values.seeds); seed++) {
    const args = [...options, '--seed', `${seed}`];
    ours.push(resultsOf(process.execPath, `${name}.js`, args));
    theirs.push(resultsOf(values.python, `${name}.py`, args));
  }
  const columns = Object.keys(ours[0]).filter((key) => !['seconds', 'least'].includes(key));
  for (const column of columns) {
    const [a, b] = [ours, theirs].map((runs) => runs.map((run) => run[column]));
    const times = [ours, theirs].map((runs) => median(runs.map((run) => run.seconds)).toFixed(1));
    console.log(
      `| ${program} | ${column} | ${spread(a)} | ${spread(b)} | ${times[0]} s | ${times[1]} s |`,
    );
  }
}
