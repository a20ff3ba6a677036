/**
 * Compares random layers, networks, losses, optimizers and schedules with PyTorch:
 *
 *   npm run test:fuzz -- --seed 7 --count 1000
 *   npm run test:fuzz -- --seed 7 --case 412      one case again, with its description
 *
 * Needs Debian's python3-torch.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { memoryUsage } from '../../../src/index.ts';
import { type Case, randomCase } from './cases.ts';
import { compare, type TheirAnswer } from './compare.ts';

const script = fileURLToPath(new URL('answers.py', import.meta.url));
const options = readOptions();
const first = options.case ?? 0;
const end = options.case === undefined ? options.count : first + 1;
const python = spawn('/usr/bin/python3', ['-B', script], { stdio: ['pipe', 'pipe', 'inherit'] });
python.stdin.on('error', () => {}); // that it ended is seen when its answer is missing
const lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]();

console.log(`seed ${options.seed}, cases ${first} to ${end - 1}`);
const counts = { kinks: 0, refused: 0 };
const start = performance.now();
let failures = 0;
for (let number = first; number < end && failures < options.failures; number++) {
  const one = randomCase(options.seed, number);
  if (options.case !== undefined) console.log(describe(one));
  const answer = ask(one);
  const before = memoryUsage().used;
  const { fault, refused, kink } = compare(one, await answer);
  if (kink) counts.kinks++;
  if (refused) counts.refused++;
  const leaked = memoryUsage().used - before;
  const said =
    fault ?? (leaked > 0 && number > first + 50 ? `${leaked} bytes are not released` : undefined);
  if (said === undefined) continue;
  failures++;
  console.error(
    `\ncase ${number} differs: ${said}\n${describe(one)}\n` +
      `again: npm run test:fuzz -- --seed ${options.seed} --case ${number}`,
  );
}
python.stdin.end();
const seconds = ((performance.now() - start) / 1000).toFixed(0);
console.log(
  `${end - first} cases in ${seconds} s: ${failures} differ; ${counts.kinks} stood near a kink, where ` +
    `only outputs are compared; both sides refused ${counts.refused}`,
);
process.exitCode = failures > 0 ? 1 : 0;

async function ask(one: Case): Promise<TheirAnswer> {
  python.stdin.write(`${JSON.stringify(one)}\n`);
  const { value, done } = await lines.next();
  if (done) throw new Error('PyTorch ended early');
  return JSON.parse(value);
}

/** A case without its numbers. */
function describe(one: Case): string {
  const hidden = new Set(['f32', 'state']);
  return JSON.stringify(one, (key, value) => (hidden.has(key) ? undefined : value));
}

function readOptions(): { seed: number; count: number; case?: number; failures: number } {
  const whole = (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < 0) {
      throw new InvalidArgumentError('Expected a whole number of 0 or more.');
    }
    return value;
  };
  return new Command('test:fuzz')
    .description('Compares random cases with PyTorch.')
    .option('--seed <n>', 'what the cases follow from', whole, Math.floor(Math.random() * 2 ** 31))
    .option('--count <n>', 'how many cases', whole, 1000)
    .option('--case <n>', 'one case of the seed only', whole)
    .option('--failures <n>', 'end after so many', whole, 1)
    .parse()
    .opts();
}
