/**
 * `npm run bench:everywhere`: the central works in every runtime, beside bare loops and memory.copy in the
 * same runtime. A time is the least of all slices by the wall clock: all runtimes have that clock, and a
 * disturbance only makes a slice longer.
 */
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { chosen } from '../../test/everywhere/all.ts';
import { Program } from '../../test/everywhere/program.ts';
import { Missing, type Runtime } from '../../test/everywhere/runtime.ts';
import { compileLoops } from '../open.ts';
import { originOf, writeJson } from '../record.ts';
import { tableText } from '../table.ts';
import { Clock } from './clock.ts';
import { cellsOf, type Everywhere, figuresOf, HEADER, type Line, type Times } from './report.ts';

/** Slices of a round: short ones, so that few of them are interrupted by other processes. */
const SLICES = 8;

const SCENES = ['rows', 'images', 'gemm', 'mlp', 'cnn'];

const options = new Command('npm run bench:everywhere --')
  .option('--only <names>', 'runtimes whose names contain one of these words, with commas between')
  .option('--rounds <n>', 'rounds a work', '7')
  .option('--ms <n>', 'milliseconds a work and round', '40')
  .option('--out <file>', 'where the JSON goes', 'out/everywhere.json')
  .parse()
  .opts<{ only?: string; rounds: string; ms: string; out: string }>();
const [rounds, milliseconds] = [Number(options.rounds), Number(options.ms)];

await compileLoops();
const program = new Program(fileURLToPath(new URL('works.ts', import.meta.url)));
const lines: Line[] = [];
try {
  for (const runtime of chosen(options.only?.split(',') ?? [])) {
    if (runtime.emulated) continue;
    console.error(runtime.name);
    lines.push(await measure(runtime));
  }
} finally {
  program.close();
}
const found: Everywhere = { origin: originOf('npm run bench:everywhere'), lines };
writeJson(options.out, found);
console.log(tableText(HEADER, lines.map(cellsOf)));
for (const { runtime, error } of lines) if (error) console.log(`\n${runtime}: ${error}`);
console.log(`\n${options.out}`);
process.exit(lines.some(({ error }) => error) ? 1 : 0);

async function measure(runtime: Runtime): Promise<Line> {
  const line: Line = { runtime: runtime.name };
  const scenes: Record<string, Times> = {};
  try {
    const firsts: number[] = [];
    for (let i = 0; i < 3; i++) {
      const session = await runtime.open(program);
      line.version = session.version;
      const clock = new Clock(session);
      await clock.prepare();
      firsts.push(await clock.time({ ask: 'first' }));
      if (i === 2) for (const scene of SCENES) scenes[scene] = await timeScene(clock, scene);
      await session.close();
    }
    line.first = Math.min(...firsts);
    line.figures = figuresOf(scenes);
  } catch (error) {
    if (error instanceof Missing) line.missing = error.message;
    else line.error = String(error);
  }
  return line;
}

async function timeScene(clock: Clock, scene: string): Promise<Times> {
  const counts = (await clock.ask({ ask: 'prepare', scene })) as Record<string, number>;
  const works = Object.keys(counts);
  const runs: Record<string, number> = {};
  for (const work of works) {
    // The first rounds find how many runs fill a round, and give the optimizing compiler time to finish.
    let n = 1;
    for (let warm = 0; warm < 8 * milliseconds; ) {
      const took = await clock.time({ ask: 'time', work, runs: n, slices: SLICES });
      warm += took * SLICES;
      if (took < milliseconds / SLICES / 2) n *= 2;
    }
    runs[work] = n;
  }
  const least: Times = {};
  for (let round = 0; round < rounds; round++) {
    for (const work of works) {
      const request = { ask: 'time', work, runs: runs[work]!, slices: SLICES } as const;
      const ms = (await clock.time(request)) / request.runs;
      least[work] = { ms: Math.min(ms, least[work]?.ms ?? Infinity), count: counts[work]! };
    }
  }
  return least;
}
