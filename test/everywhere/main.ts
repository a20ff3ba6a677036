/**
 * `npm run test:everywhere`: the packed package in every runtime. Each answers the same checks, and gives the
 * same bits after the same training run.
 */
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { writeJson } from '../../bench/record.ts';
import { tableText } from '../../bench/table.ts';
import { chosen } from './all.ts';
import type { Answer, RelaxedAnswer } from './checks/main.ts';
import { PINNED, RELAXED } from './checks/pinned.ts';
import type { ThreadsAnswer } from './checks/threads.ts';
import { fusesHere } from './processor.ts';
import { Program } from './program.ts';
import { Missing, type Runtime } from './runtime.ts';

interface Line {
  runtime: string;
  version?: string;
  passed?: number;
  failures: string[];
  hash?: string;
  /** How relaxed kernels round, and their hash. */
  relaxed?: string;
  /** How much faster a step was on two threads, or why there are none. */
  threads?: string;
  seconds?: number;
  missing?: string;
}

const { only, requireAll, out } = new Command('npm run test:everywhere --')
  .option('--only <names>', 'runtimes whose names contain one of these words, with commas between')
  .option('--require-all', 'fail where a runtime is missing')
  .option('--out <file>', 'where the JSON goes', 'out/conformance.json')
  .parse()
  .opts<{ only?: string; requireAll?: boolean; out: string }>();

const program = new Program(fileURLToPath(new URL('checks/main.ts', import.meta.url)));
const lines: Line[] = [];
try {
  for (const runtime of chosen(only?.split(',') ?? [])) {
    const line = await check(runtime);
    lines.push(line);
    console.error(
      `${line.runtime}: ${line.missing ? 'missing' : line.failures.length ? 'FAILS' : 'well'}`,
    );
  }
} finally {
  program.close();
}

console.log(
  tableText(
    ['runtime', 'version', 'passed', 'failed', 'hash', 'relaxed', 'threads', 'seconds'],
    lines.map(
      ({ runtime, version, passed, failures, hash, relaxed, threads, seconds, missing }) => [
        runtime,
        version ?? '–',
        passed?.toString() ?? '',
        failures.length.toString(),
        missing ? `missing: ${missing}` : (hash?.slice(0, 12) ?? ''),
        relaxed ?? '',
        threads ?? '',
        seconds?.toFixed(1) ?? '',
      ],
    ),
  ),
);
console.log(
  '\nRelaxed kernels give two results: one where the engine fuses a·b + c, else the strict one.',
);
for (const { runtime, failures } of lines) {
  for (const failure of failures) console.log(`\n${runtime}: ${failure}`);
}
const missing = lines.filter((line) => line.missing);
const failing = lines.filter(({ failures }) => failures.length > 0);
writeJson(out, { date: new Date().toISOString(), cpu: cpus()[0]?.model, pinned: PINNED, lines });
console.log(
  `\n${lines.length - missing.length - failing.length} of ${lines.length} runtimes pass, with the same bits, ` +
    `${failing.length} fail, ${missing.length} are missing; ${out}`,
);
process.exit(failing.length > 0 || (requireAll && missing.length > 0) ? 1 : 0);

async function check(runtime: Runtime): Promise<Line> {
  const { name } = runtime;
  const start = performance.now();
  try {
    const { version, answer } = await ask<Answer>(runtime, { relaxed: false });
    const seconds = (performance.now() - start) / 1000;
    const { passed, hash } = answer;
    const failures = [...answer.failures];
    if (hash !== PINNED) failures.push(`other bits: expected ${PINNED}, got ${hash}`);
    const { answer: fused } = await ask<RelaxedAnswer>(runtime, { relaxed: true });
    const relaxed = judge(runtime, fused, failures);
    const { answer: several } = await ask<ThreadsAnswer>(runtime, {
      threads: runtime.emulated ? [1, 2] : [1, 2, 3, 4, 7],
    });
    const threads = judgeThreads(runtime, several, failures);
    return { runtime: name, version, passed, failures, hash, relaxed, threads, seconds };
  } catch (error) {
    if (error instanceof Missing) return { runtime: name, failures: [], missing: error.message };
    return { runtime: name, failures: [String(error)] };
  }
}

/** What a freshly started runtime answers. */
async function ask<T>(runtime: Runtime, request: object): Promise<{ version: string; answer: T }> {
  const session = await runtime.open(program);
  try {
    return { version: session.version, answer: (await session.ask(request)) as T };
  } finally {
    await session.close();
  }
}

/** Threads must run where the runtime has them, and on strict bits. */
function judgeThreads(
  { threads }: Runtime,
  { reason, hashes, others, closed, milliseconds: [one, two] }: ThreadsAnswer,
  failures: string[],
): string {
  if (reason !== undefined) {
    if (threads) failures.push(`threads: ${reason}`);
    return 'none';
  }
  for (const [n, hash] of Object.entries(hashes)) {
    if (hash !== PINNED) failures.push(`threads: ${n} have other bits: ${hash}`);
  }
  for (const n of others) failures.push(`threads: a large step on ${n} has other bits`);
  if (closed !== 1) failures.push(`threads: ${closed} after close`);
  return `${(one / two).toFixed(2)} ×`;
}

/**
 * Relaxed kernels must run where the runtime has them, round as it is known to do, and give the bits that belong
 * to that rounding, on threads as well.
 */
function judge({ relaxed, emulated }: Runtime, found: RelaxedAnswer, failures: string[]): string {
  if ('refused' in found) {
    if (relaxed) failures.push(`relaxed: ${found.refused}`);
    return 'none';
  }
  const { rounding, hash, threaded } = found;
  const expected = emulated || fusesHere ? relaxed : 'unfused';
  if (rounding !== expected) failures.push(`relaxed: expected ${expected}, got ${rounding}`);
  for (const [where, bits] of Object.entries({ 'one thread': hash, threads: threaded })) {
    if (bits !== RELAXED[rounding])
      failures.push(`relaxed: expected ${RELAXED[rounding]} on ${where}, got ${bits}`);
  }
  return `${rounding}, ${hash.slice(0, 12)}`;
}
