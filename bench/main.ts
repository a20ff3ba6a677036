/**
 * `npm run bench`: our kernels and training steps against the machine's limits, taken in the same run.
 * What the loops and columns mean is in bench/README.md.
 */
import { parseArgs } from 'node:util';
import type { Bench } from './bench.ts';
import { compareRows, nameOf, regressions } from './compare.ts';
import { openArena } from './open.ts';
import { originOf, type Run, readJson, writeJson } from './record.ts';
import { measureScene, type Row } from './scene.ts';
import { allBenches, chosen } from './suite.ts';
import { rowsText } from './table.ts';

const benches = await allBenches();

const HELP = `npm run bench -- [options]

  --only NAMES      of: ${[...benches.keys()].join(', ')}
  --shape TEXT      only shapes whose name contains it
  --rounds N        rounds a scene, 15
  --ms N            milliseconds a work and round, 8
  --relaxed         the build with fused multiply-add, and only the works that it changes
  --compare FILE    an earlier run's JSON: exits with 1 where a work is over 10 % slower
  --out FILE        where this run's JSON goes, out/bench.json`;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    shape: { type: 'string', default: '' },
    rounds: { type: 'string', default: '15' },
    ms: { type: 'string', default: '8' },
    relaxed: { type: 'boolean', default: false },
    compare: { type: 'string' },
    out: { type: 'string', default: 'out/bench.json' },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(HELP);
  process.exit();
}

const build = options.relaxed ? 'relaxed' : 'strict';
const possible = [...benches].filter(([, bench]) => build === 'strict' || bench.relaxed);
const names = chosen(
  possible.map(([name]) => name),
  options.only,
);
const effort = { rounds: Number(options.rounds), milliseconds: Number(options.ms) };
const arena = await openArena(build);
const run: Run = { origin: originOf('npm run bench'), build, rows: [] };
const { machine, date } = run.origin;
console.log(
  `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, ${build} build, ${date}`,
);
for (const name of names) {
  const rows = measure(name, benches.get(name)!);
  if (rows.length > 0) console.log(`\n${name}\n${rowsText(rows)}`);
  run.rows.push(...rows);
  writeJson(options.out, run);
}
console.log(`\n${run.rows.length} rows in ${options.out}`);
if (options.compare) process.exitCode = compare(options.compare);

function measure(group: string, { scenes, measure }: Bench): Row[] {
  const rows = measure?.(arena, effort) ?? [];
  for (const make of scenes?.(arena) ?? []) {
    const mark = arena.mark();
    const scene = make();
    if (scene.shape.includes(options.shape)) rows.push(...measureScene(scene, effort));
    arena.release(mark);
  }
  return rows.map((row) => ({ group, ...row }));
}

/** Prints what changed since an earlier run; returns 1 where a work became slower. */
function compare(file: string): 0 | 1 {
  const changes = compareRows(readJson<Run>(file).rows, run.rows);
  const slower = regressions(changes);
  const faster = changes.filter(({ factor }) => factor < 0.9);
  const line = ({ row, factor, by }: (typeof changes)[number]) =>
    `  ${factor.toFixed(2)} × (${by})  ${nameOf(row)}`;
  console.log(`\n${changes.length} rows compared with ${file}`);
  if (faster.length > 0) console.log(`over 10 % faster:\n${faster.map(line).join('\n')}`);
  if (slower.length > 0) console.log(`over 10 % slower:\n${slower.map(line).join('\n')}`);
  else console.log('none is over 10 % slower');
  return slower.length > 0 ? 1 : 0;
}
