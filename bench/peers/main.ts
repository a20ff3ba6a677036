/**
 * `npm run bench:peers`: the same works in other libraries, in turn with ours. A rival that cannot do a
 * work, or does not agree, is named with the reason.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nameOf } from '../compare.ts';
import { type Statistic, statistic } from '../measure.ts';
import { machine, writeJson } from '../record.ts';
import { figure, tableText } from '../table.ts';
import { disagreement } from './agree.ts';
import { type Item, items } from './items.ts';
import { Peer } from './peer.ts';

const HELP = `npm run bench:peers -- [options]

  --only GROUPS     of: batchnorm, layernorm, groupnorm, localresponsenorm, weightnorm, gemm,
                    conv2d, activation, loss, optim, step
  --shape TEXT      only shapes whose name contains it
  --peers NAMES     of: pytorch, tfjs-wasm, tfjs-cpu, jax-js, ort-node, ort-web
  --rounds N        rounds a work, 7
  --ms N            milliseconds a work, peer and round, 20
  --patience N      seconds that a rival may take to prepare a work, 20
  --relaxed         ours with fused multiply-add; works are called so
  --out FILE        where the JSON goes, out/peers.json`;

export interface PeerRow extends Omit<Item, 'of' | 'tolerance'> {
  ours: Statistic;
  theirs: Record<string, { value: Statistic; ratio: Statistic } | { error: string }>;
}

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    shape: { type: 'string', default: '' },
    peers: { type: 'string', default: 'pytorch,tfjs-wasm,tfjs-cpu,jax-js,ort-node,ort-web' },
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
const node = (file: string, ...args: string[]) => [process.execPath, script(file), ...args];
const python =
  process.env.PYTHON ?? (existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3');
const commands: Record<string, string[]> = {
  pytorch: [python, script('pytorch.py')],
  'tfjs-wasm': node('tfjs.js', 'wasm'),
  'tfjs-cpu': node('tfjs.js', 'cpu'),
  'jax-js': node('jax.js'),
  'ort-node': node('ort.js', 'node'),
  'ort-web': node('ort.js', 'web'),
};
const patience = 1000 * Number(options.patience);
const ours = new Peer(
  'evenkeel',
  [
    process.execPath,
    ...['--import', 'tsx', script('evenkeel.ts')],
    ...(options.relaxed ? ['relaxed'] : []),
  ],
  60_000,
);
const rivals = options.peers.split(',').map((name) => {
  const command = commands[name];
  if (!command) throw new Error(`no peer ${name}; there are ${Object.keys(commands).join(', ')}`);
  return new Peer(name, command, patience);
});

const groups = options.only ? options.only.split(',') : undefined;
const wanted = items().filter(
  ({ group, shape }) => (groups?.includes(group) ?? true) && shape.includes(options.shape),
);
const rows: PeerRow[] = [];
for (const item of wanted) {
  const row = await race(item);
  rows.push(row);
  console.log(`${nameOf(row)}: ${figure(row.ours.median)} ${row.unit}`);
  for (const [name, result] of Object.entries(row.theirs)) {
    console.log(
      'error' in result
        ? `  ${name.padEnd(10)} ${result.error}`
        : `  ${name.padEnd(10)} ${figure(result.value.median)}, we take ${result.ratio.median.toPrecision(2)} of its time`,
    );
  }
}
for (const peer of [ours, ...rivals]) peer.close();
writeJson(options.out, { machine: machine(), date: new Date().toISOString(), rows });

const cell = (row: PeerRow, name: string) => {
  const result = row.theirs[name];
  return !result || 'error' in result ? '–' : result.ratio.median.toPrecision(2);
};
const names = rivals.map(({ name }) => name);
console.log(
  `\nour time / theirs\n${tableText(
    ['work', ...names],
    rows.map((row) => [nameOf(row), ...names.map((name) => cell(row, name))]),
  )}\n${rows.length} rows in ${options.out}`,
);

/** Everyone prepares; who agrees with us takes turns with us. */
async function race({ of, tolerance, ...item }: Item): Promise<PeerRow> {
  const expected = await ours.ask({ item: { ...item, of } });
  if (!expected.samples) throw new Error(`${nameOf(item)}: ours: ${expected.error}`);
  const theirs: PeerRow['theirs'] = {};
  const racing: Peer[] = [];
  for (const rival of rivals) {
    const answer = await rival.ask({ item: { ...item, of } });
    const problem = answer.samples
      ? disagreement(answer.samples, expected.samples, tolerance)
      : answer.error;
    if (problem) theirs[rival.name] = { error: problem };
    else racing.push(rival);
  }
  const times = new Map<Peer, number[]>([ours, ...racing].map((peer) => [peer, []]));
  for (let round = -1; round < Number(options.rounds); round++) {
    for (const [peer, list] of times) {
      const { time, error } = await peer.ask({ milliseconds: Number(options.ms) });
      if (time === undefined) {
        theirs[peer.name] = { error: error ?? 'no answer' };
        times.delete(peer);
      } else if (round >= 0) list.push(time);
    }
  }
  const value = (list: number[]) =>
    statistic(
      list.map((ms) =>
        item.unit === 'GFLOP/s'
          ? item.count / ms / 1e6
          : item.unit === 'ms'
            ? ms
            : (ms * 1e6) / item.count,
      ),
    );
  const own = times.get(ours)!;
  for (const rival of racing) {
    const list = times.get(rival);
    if (!list) continue;
    const ratio = statistic(list.map((ms, round) => own[round]! / ms));
    theirs[rival.name] = { value: value(list), ratio };
  }
  const work = options.relaxed ? `${item.work}, relaxed` : item.work;
  return { ...item, work, ours: value(own), theirs };
}

/** The rivals of package.json, in a folder that the package's own dependencies do not know. */
function install(): void {
  const folder = 'build/peers';
  const [from, to] = [script('package.json'), `${folder}/package.json`];
  const same = existsSync(to) && readFileSync(to, 'utf8') === readFileSync(from, 'utf8');
  if (same && existsSync(`${folder}/node_modules`)) return;
  mkdirSync(folder, { recursive: true });
  copyFileSync(from, to);
  console.log(`installing rivals into ${folder}`);
  execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: 'inherit',
  });
}
