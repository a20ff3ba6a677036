/**
 * `npm run bench:peers`: the same works in other libraries, in turn with ours. A library is asked for what it
 * has (support.ts), and timed if its results agree with ours.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { NamedItem } from '../bench.ts';
import { nameOf } from '../compare.ts';
import { statistic } from '../measure.ts';
import { originOf, writeJson } from '../record.ts';
import type { Unit } from '../scene.ts';
import { chosen } from '../suite.ts';
import { figure, peersText } from '../table.ts';
import { disagreement } from './agree.ts';
import { allItems } from './items.ts';
import { Peer } from './peer.ts';
import type { PeerRow, PeerRun, Untimed } from './row.ts';
import { lackOf, OUTCOMES, PEERS, type PeerName } from './support.ts';

const items = await allItems();
const groups = [...new Set(items.map(({ group }) => group))];

const HELP = `npm run bench:peers -- [options]

  --only NAMES      of: ${groups.join(', ')}
  --shape TEXT      only shapes whose name contains it
  --peers NAMES     of: ${Object.keys(PEERS).join(', ')}
  --rounds N        rounds a work, 7
  --ms N            milliseconds a work, library and round, 20
  --patience N      seconds that a library may take to prepare a work, 20
  --relaxed         ours with fused multiply-add; the rows say so
  --out FILE        where the JSON goes, out/peers.json`;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    shape: { type: 'string', default: '' },
    peers: { type: 'string', default: Object.keys(PEERS).join(',') },
    rounds: { type: 'string', default: '7' },
    ms: { type: 'string', default: '20' },
    patience: { type: 'string', default: '20' },
    relaxed: { type: 'boolean', default: false },
    out: { type: 'string', default: 'out/peers.json' },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(HELP);
  process.exit();
}

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url));
install();
const tsx = [process.execPath, '--import', 'tsx'];
const ours = new Peer(
  'evenkeel',
  [...tsx, script('evenkeel.ts'), ...(options.relaxed ? ['relaxed'] : [])],
  60_000,
);
const others = options.peers.split(',').map((word) => {
  if (!(word in PEERS)) {
    throw new RangeError(`--peers: no library ${word}; there are ${Object.keys(PEERS).join(', ')}`);
  }
  const name = word as PeerName;
  return { name, peer: new Peer(name, commandOf(name), 1000 * Number(options.patience)) };
});

const names = chosen(groups, options.only);
const wanted = items.filter(
  ({ group, shape }) => names.includes(group) && shape.includes(options.shape),
);
const run: PeerRun = { origin: originOf('npm run bench:peers'), rows: [] };
for (const item of wanted) {
  const row = await race(item);
  run.rows.push(row);
  writeJson(options.out, run);
  print(row);
}
for (const { peer } of [{ peer: ours }, ...others]) peer.close();

console.log(
  `\nour time / theirs\n${peersText(
    run.rows,
    others.map(({ name }) => name),
  )}`,
);
console.log(`${run.rows.length} rows in ${options.out}`);
const failed = run.rows.flatMap(({ theirs }) =>
  Object.values(theirs).filter((result) => 'reason' in result && result.reason === OUTCOMES.failed),
);
process.exitCode = failed.length > 0 ? 1 : 0;

/** Prepares an item everywhere, then takes turns with the libraries whose results agree with ours. */
async function race({ tolerance, count, ...item }: NamedItem): Promise<PeerRow> {
  const expected = await ours.ask({ item });
  if (!expected.samples) throw new Error(`${nameOf(item)}: ours: ${expected.error}`);
  const theirs: PeerRow['theirs'] = {};
  const racing = new Map<PeerName, Peer>();
  for (const { name, peer } of others) {
    const lack = lackOf(name, item);
    if (lack) {
      theirs[name] = { reason: lack };
      continue;
    }
    const answer = await peer.ask({ item });
    const problem = answer.samples && disagreement(answer.samples, expected.samples, tolerance);
    if (problem) theirs[name] = { reason: OUTCOMES.differs, detail: problem };
    else if (answer.samples) racing.set(name, peer);
    else theirs[name] = untimed(answer);
  }
  const own: number[] = [];
  const times = new Map<PeerName, number[]>([...racing.keys()].map((name) => [name, []]));
  const message = { milliseconds: Number(options.ms) };
  for (let round = -1; round < Number(options.rounds); round++) {
    const { time } = await ours.ask(message);
    if (time === undefined) throw new Error(`${nameOf(item)}: ours: no time`);
    if (round >= 0) own.push(time);
    for (const [name, list] of times) {
      const answer = await racing.get(name)!.ask(message);
      if (answer.time === undefined) {
        theirs[name] = untimed(answer);
        times.delete(name);
      } else if (round >= 0) list.push(answer.time);
    }
  }
  const inUnit = (list: readonly number[]) =>
    statistic(list.map((milliseconds) => inUnitOf(milliseconds, item.unit, count)));
  for (const [name, list] of times) {
    const ratio = statistic(list.map((milliseconds, round) => own[round]! / milliseconds));
    theirs[name] = { value: inUnit(list), ratio };
  }
  const ordered = Object.fromEntries(others.map(({ name }) => [name, theirs[name]]));
  const { group, shape, unit } = item;
  const work = options.relaxed ? `${item.work}, relaxed` : item.work;
  return { group, work, shape, unit, ours: inUnit(own), theirs: ordered };
}

function untimed({ error = 'no answer', late }: { error?: string; late?: boolean }): Untimed {
  return { reason: late ? OUTCOMES.slow : OUTCOMES.failed, detail: error };
}

function inUnitOf(milliseconds: number, unit: Unit, count: number): number {
  if (unit === 'GFLOP/s') return count / milliseconds / 1e6;
  return unit === 'ms' ? milliseconds : (milliseconds * 1e6) / count;
}

function print(row: PeerRow): void {
  console.log(`${nameOf(row)}: ${figure(row.ours.median)} ${row.unit}`);
  for (const [name, result] of Object.entries(row.theirs)) {
    const text =
      'ratio' in result
        ? `${figure(result.value.median)}, we take ${result.ratio.median.toPrecision(2)} of its time`
        : [result.reason, result.detail].filter(Boolean).join(': ');
    console.log(`  ${name.padEnd(10)} ${text}`);
  }
}

function commandOf(name: PeerName): string[] {
  const file = script(PEERS[name]);
  if (name === 'pytorch') {
    const system = '/usr/bin/python3';
    return [process.env.PYTHON ?? (existsSync(system) ? system : 'python3'), file];
  }
  return [process.execPath, file, name.split('-')[1]!];
}

/** Installs the libraries of package.json into a folder apart from the package's own dependencies. */
function install(): void {
  const folder = 'build/peers';
  const [from, to] = [script('package.json'), `${folder}/package.json`];
  const same = existsSync(to) && readFileSync(to, 'utf8') === readFileSync(from, 'utf8');
  if (same && existsSync(`${folder}/node_modules`)) return;
  mkdirSync(folder, { recursive: true });
  copyFileSync(from, to);
  console.log(`installing other libraries into ${folder}`);
  execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: 'inherit',
  });
}
