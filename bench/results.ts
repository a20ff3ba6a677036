/**
 * `npm run bench:results`: measures everything, stores the numbers in bench/results, and writes
 * bench/RESULTS.md from them. `--help` tells how to measure a part, or only to write the page.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cellsOf, type Everywhere, HEADER } from './everywhere/report.ts';
import { page } from './page.ts';
import type { PeerRun } from './peers/row.ts';
import { type Run, readJson } from './record.ts';
import { PARTS, type Part, readRuntimes, readStored, store, storeRuntimes } from './store.ts';
import { allBenches, chosen } from './suite.ts';
import { peersText, rowsText, tableText } from './table.ts';

const benches = await allBenches();

const HELP = `npm run bench:results -- [options]

  --render          measures nothing, only writes bench/RESULTS.md from bench/results
  --log NAMES       measures nothing, prints all stored rows of these benchmarks, or of runtimes
  --only NAMES      measures these benchmarks: ${[...benches.keys()].join(', ')}
  --parts PARTS     measures these parts: ${PARTS.join(', ')}
  --rounds N, --ms N, --patience N   as in npm run bench and npm run bench:peers
  --note TEXT       what readers of the page should know about this run

The relaxed parts run on the Node that the variable RELAXED_NODE names, 24 or later.`;

const { values: options } = parseArgs({
  options: {
    render: { type: 'boolean', default: false },
    log: { type: 'string' },
    only: { type: 'string' },
    parts: { type: 'string' },
    rounds: { type: 'string' },
    ms: { type: 'string' },
    patience: { type: 'string' },
    note: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const wanted = chosen([...benches.keys()], options.only);
const failed: string[] = [];
if (options.help) console.log(HELP);
else if (options.log) printLog(chosen([...benches.keys(), 'runtimes'], options.log));
else {
  if (!options.render) for (const part of chosenParts()) measure(part);
  writeFileSync(
    fileURLToPath(new URL('RESULTS.md', import.meta.url)),
    page({ benches, stored: readStored(), runtimes: readRuntimes() }),
  );
  console.log('bench/RESULTS.md');
}
if (failed.length > 0) {
  console.error(`not measured in full: ${failed.join(', ')}`);
  process.exitCode = 1;
}

function chosenParts(): Part[] {
  // A choice of benchmarks says nothing about runtimes.
  const parts =
    options.parts?.split(',') ?? PARTS.filter((part) => !options.only || part !== 'runtimes');
  for (const part of parts) {
    if (!PARTS.includes(part as Part)) {
      throw new RangeError(`--parts: no part ${part}; there are ${PARTS.join(', ')}`);
    }
  }
  return parts as Part[];
}

/** Measures a part in a process of its own, and stores what it leaves. */
function measure(part: Part): void {
  const out = `out/${part}.json`;
  const began = Date.now();
  const relaxed = part.endsWith('relaxed');
  if (relaxed && !process.env.RELAXED_NODE && Number.parseInt(process.versions.node, 10) < 24) {
    console.log(`${part}: skipped, needs Node 24 or later (RELAXED_NODE); the stored numbers stay`);
    return;
  }
  const program = part === 'runtimes' ? 'everywhere' : part.startsWith('peers') ? 'peers' : '';
  const names = wanted.filter((name) => {
    const { relaxed: changes, contest } = benches.get(name)!;
    return (!relaxed || changes) && (program !== 'peers' || contest);
  });
  if (part !== 'runtimes' && names.length === 0) return;
  const args = [
    ...(part === 'runtimes' ? [] : ['--only', names.join(',')]),
    ...(relaxed ? ['--relaxed'] : []),
    ...(part === 'peers-relaxed' ? ['--peers', 'pytorch'] : []),
    ...(options.rounds ? ['--rounds', options.rounds] : []),
    ...(options.ms ? ['--ms', options.ms] : []),
    ...(options.patience && program === 'peers' ? ['--patience', options.patience] : []),
  ];
  const node = relaxed ? (process.env.RELAXED_NODE ?? process.execPath) : process.execPath;
  const main = ['bench', program, 'main.ts'].filter(Boolean).join('/');
  const { status } = spawnSync(node, ['--import', 'tsx', main, ...args, '--out', out], {
    stdio: 'inherit',
  });
  if (status !== 0) failed.push(part);
  const left = leftBy(out, began);
  if (!left) return;
  if (options.note) left.origin.note = options.note;
  if (part === 'runtimes') storeRuntimes(left as Everywhere);
  else store(part, left as Run | PeerRun);
}

/** What a run wrote, complete or not; nothing where the file is an older run's. */
function leftBy(out: string, began: number): Run | PeerRun | Everywhere | undefined {
  try {
    const run = readJson<Run | PeerRun | Everywhere>(out);
    return Date.parse(run.origin.date) >= began ? run : undefined;
  } catch {
    return undefined;
  }
}

function printLog(names: readonly string[]): void {
  const all = readStored();
  for (const name of names) {
    if (name === 'runtimes')
      console.log(tableText(HEADER, readRuntimes()?.lines.map(cellsOf) ?? []));
    const stored = all.get(name) ?? {};
    for (const part of PARTS) {
      const measured = part === 'runtimes' ? undefined : stored[part];
      if (!measured) continue;
      const { origin, rows } = measured;
      console.log(`\n${name}, ${part}, ${origin.date}, Node ${origin.machine.node}`);
      console.log(
        part.startsWith('peers')
          ? peersText(rows as PeerRun['rows'])
          : rowsText(rows as Run['rows']),
      );
    }
  }
}
