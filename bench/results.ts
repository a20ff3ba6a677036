/**
 * `npm run bench:results`: runs the suite and the rivals, and writes bench/RESULTS.md from what they left.
 * `-- --write` only writes, from the last runs in out/.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { nameOf } from './compare.ts';
import { type Everywhere, runtimes } from './everywhere/report.ts';
import { GOALS, verdict, worst } from './goals.ts';
import type { PeerRow } from './peers/main.ts';
import { type Run, readJson } from './record.ts';
import { figure, markdown, rowsText } from './table.ts';

const { values: options } = parseArgs({ options: { write: { type: 'boolean', default: false } } });
const [OURS, PEERS] = ['out/bench.json', 'out/peers.json'];
const [RELAXED, RELAXED_PEERS] = ['out/bench-relaxed.json', 'out/peers-relaxed.json'];
const EVERYWHERE = 'out/everywhere.json';
const REASONS = 'bench/reasons.json';

if (!options.write) {
  const tsx = (...args: string[]) =>
    spawnSync(process.execPath, ['--import', 'tsx', ...args], { stdio: 'inherit' }).status === 0;
  if (!tsx('bench/main.ts') || !tsx('bench/peers/main.ts')) process.exit(1);
  // Where the engine lacks fused multiply-add there are no such numbers.
  const relaxed = process.env.RELAXED_NODE ?? process.execPath;
  const run = (...args: string[]) =>
    spawnSync(relaxed, ['--import', 'tsx', ...args], { stdio: 'inherit' });
  run('bench/main.ts', '--relaxed', '--only', 'gemm,conv2d,step', '--out', RELAXED);
  const peers = ['--peers', 'pytorch', '--only', 'step', '--out', RELAXED_PEERS];
  run('bench/peers/main.ts', '--relaxed', ...peers);
  tsx('bench/everywhere/main.ts');
}

const ours = readJson<Run>(OURS);
const relaxed = existsSync(RELAXED) ? readJson<Run>(RELAXED) : undefined;
const peers = [PEERS, RELAXED_PEERS]
  .filter((path) => existsSync(path))
  .flatMap((path) => readJson<{ rows: PeerRow[] }>(path).rows);
const everywhere = existsSync(EVERYWHERE) ? readJson<Everywhere>(EVERYWHERE) : undefined;
const reasons = JSON.parse(readFileSync(REASONS, 'utf8')) as Record<string, string>;
writeFileSync('bench/RESULTS.md', report());
console.log('bench/RESULTS.md');

function report(): string {
  const { machine, date } = ours;
  return `${[
    '# Results',
    'Written by `npm run bench:results`; how it measures is in [README.md](README.md).',
    `${machine.cpu}, ${machine.cores} cores, ${machine.system}; Node ${machine.node} (V8 ${machine.v8}); ${date.slice(0, 16).replace('T', ' ')} UTC. Commands: \`${ours.command}\`${relaxed ? `, \`${relaxed.command}\`` : ''}${peers.length > 0 ? ', `npm run bench:peers`' : ''}. One thread.`,
    '## Goals',
    'The worst of the rows that a goal is about.',
    goals(),
    '## Rivals',
    peers.length > 0 ? rivals(peers) : 'Not measured.',
    '## Runtimes',
    everywhere ? runtimes(everywhere, reasons.runtimes) : 'Not measured.',
    '## Against the limits',
    ...[...new Set(ours.rows.map(({ group }) => group))].map(
      (group) =>
        `### ${group}\n\n\`\`\`\n${rowsText(ours.rows.filter((row) => row.group === group))}\n\`\`\``,
    ),
    ...(relaxed
      ? [
          `### relaxed build, Node ${relaxed.machine.node}\n\n\`\`\`\n${rowsText(relaxed.rows)}\n\`\`\``,
        ]
      : []),
  ].join('\n\n')}\n`;
}

function goals(): string {
  return markdown(
    ['', 'must', 'aim', 'measured', '', 'where it misses, the reason as far as known'],
    GOALS.map((goal) => {
      const measured = worst(goal, ours.rows, peers, relaxed?.rows ?? []);
      const said = measured === undefined ? undefined : verdict(goal, measured);
      const mark = { aim: 'aim', must: 'must', misses: '**misses**' };
      return [
        goal.name,
        `${goal.must} ${goal.unit}`,
        `${goal.aim} ${goal.unit}`,
        measured === undefined ? 'not measured' : `${figure(measured)} ${goal.unit}`,
        said ? mark[said] : '',
        said === 'aim' ? '' : (reasons[goal.name] ?? ''),
      ];
    }),
  );
}

/** Our time as a share of each rival's; footnotes name what a rival cannot do. */
function rivals(rows: readonly PeerRow[]): string {
  const names = [...new Set(rows.flatMap(({ theirs }) => Object.keys(theirs)))].sort();
  const notes: string[] = [];
  const cell = (result: PeerRow['theirs'][string] | undefined): string => {
    if (!result) return '';
    if ('ratio' in result) return result.ratio.median.toPrecision(2);
    if (!notes.includes(result.error)) notes.push(result.error);
    return `[${notes.indexOf(result.error) + 1}]`;
  };
  const table = markdown(
    ['', 'ours', ...names],
    rows.map((row) => [
      nameOf(row),
      `${figure(row.ours.median)} ${row.unit}`,
      ...names.map((name) => cell(row.theirs[name])),
    ]),
  );
  const list = notes.map((note, i) => `${i + 1}. ${note}`).join('\n');
  return `Our time as a share of theirs: below 1 we are faster.\n\n${table}\n\n${list}`;
}
