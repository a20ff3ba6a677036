/**
 * `npm run bench`: our kernels and training steps against the machine's limits, taken in the same run.
 * What the loops and columns mean is in bench/README.md.
 */
import { parseArgs } from 'node:util';
import { compareRows, nameOf, regressions } from './compare.ts';
import { openArena } from './open.ts';
import { machine, type Run, readJson, writeJson } from './record.ts';
import { measureScene, type Row, type Scene } from './scene.ts';
import { rowsText } from './table.ts';
import { batchNormScenes, curveScenes } from './works/batchnorm.ts';
import { measureVariants } from './works/batchnorm-variants.ts';
import { convScenes } from './works/conv2d.ts';
import { activationScene, lossScene, optimScene } from './works/elementwise.ts';
import { measureFold } from './works/fold.ts';
import { measureFusion } from './works/fusion.ts';
import { gemmScenes } from './works/gemm.ts';
import { groupNormScenes } from './works/groupnorm.ts';
import { layerNormScenes } from './works/layernorm.ts';
import { rareNormScenes } from './works/rarenorms.ts';
import { measureSize } from './works/size.ts';
import { measureStartup } from './works/startup.ts';
import { measureSteps } from './works/step.ts';

const HELP = `npm run bench -- [options]

  --only GROUPS     of: batchnorm, layernorm, groupnorm, rarenorms, gemm, conv2d, activation, loss, optim,
                    curve, step, fusion, fold, variants, size, startup
  --shape TEXT      only shapes whose name contains it
  --rounds N        rounds a scene, 15
  --ms N            milliseconds a work and round, 8
  --relaxed         the build with fused multiply-add: kernels and step
  --compare FILE    an earlier run's JSON: exits with 1 where a work is over 10 % dearer
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

const effort = { rounds: Number(options.rounds), milliseconds: Number(options.ms) };
const build = options.relaxed ? 'relaxed' : 'strict';
const arena = await openArena(build);

const scenes: Record<string, () => (() => Scene)[]> = {
  batchnorm: () => batchNormScenes(arena),
  layernorm: () => layerNormScenes(arena),
  groupnorm: () => groupNormScenes(arena),
  rarenorms: () => rareNormScenes(arena),
  gemm: () => gemmScenes(arena),
  conv2d: () => convScenes(arena),
  activation: () => [() => activationScene(arena)],
  loss: () => [() => lossScene(arena)],
  optim: () => [() => optimScene(arena)],
  curve: () => curveScenes(arena),
};
const others: Record<string, () => Row[]> = options.relaxed
  ? { step: () => measureSteps(effort) }
  : {
      step: () => measureSteps(effort),
      fusion: () => measureFusion(effort),
      fold: () => measureFold(effort),
      variants: () => measureVariants(arena, effort),
      size: measureSize,
      startup: () => measureStartup(effort),
    };
const groups = [...Object.keys(scenes), ...Object.keys(others)];
const wanted = options.only?.split(',') ?? groups;
const unknown = wanted.filter((group) => !groups.includes(group));
if (unknown.length > 0) {
  console.error(
    `no group ${unknown.join(', ')} in the ${build} build; there are ${groups.join(', ')}`,
  );
  process.exit(2);
}

const run: Run = {
  machine: machine(),
  date: new Date().toISOString(),
  command: ['npm run bench', ...(process.argv[2] ? ['--', ...process.argv.slice(2)] : [])].join(
    ' ',
  ),
  build,
  rows: [],
};
const { cpu, cores, node } = run.machine;
console.log(`${cpu}, ${cores} cores, Node ${node}, ${build} build, ${run.date}`);
for (const group of groups) {
  if (!wanted.includes(group)) continue;
  const rows: Row[] = [];
  for (const make of scenes[group]?.() ?? []) {
    const mark = arena.mark();
    const scene = make();
    if (scene.shape.includes(options.shape)) rows.push(...measureScene(scene, effort));
    arena.release(mark);
  }
  rows.push(...(others[group]?.() ?? []));
  if (rows.length > 0) console.log(`\n${group}\n${rowsText(rows)}`);
  run.rows.push(...rows);
}
writeJson(options.out, run);
console.log(`\n${run.rows.length} rows in ${options.out}`);

if (options.compare) {
  const changes = compareRows(readJson<Run>(options.compare).rows, run.rows);
  const worse = regressions(changes);
  const better = changes.filter(({ factor }) => factor < 0.9);
  const line = ({ row, factor, by }: (typeof changes)[number]) =>
    `  ${factor.toFixed(2)} × (${by})  ${nameOf(row)}`;
  console.log(`\n${changes.length} rows compared with ${options.compare}`);
  if (better.length > 0) console.log(`cheaper by a tenth or more:\n${better.map(line).join('\n')}`);
  if (worse.length > 0) {
    console.log(`dearer by more than a tenth:\n${worse.map(line).join('\n')}`);
    process.exitCode = 1;
  } else {
    console.log('none is dearer by more than a tenth');
  }
}
