/** RESULTS.md, made from the stored numbers. */
import { type Bench, type Contested, type Found, type Goal, SUBJECTS } from './bench.ts';
import { type Everywhere, runtimes } from './everywhere/report.ts';
import { verdict, worst } from './goals.ts';
import type { PeerRow } from './peers/row.ts';
import { PEERS, type PeerName } from './peers/support.ts';
import { processors } from './processors.ts';
import type { Origin } from './record.ts';
import type { Row } from './scene.ts';
import { PARTS, type Stored } from './store.ts';
import { figure, markdown } from './table.ts';

export interface Numbers {
  benches: ReadonlyMap<string, Bench>;
  stored: ReadonlyMap<string, Stored>;
  runtimes: Everywhere | undefined;
}

const NAMES = Object.keys(PEERS) as PeerName[];

const LEGEND =
  'A cell is the range over all shapes. Columns of libraries: our time as a share of theirs, below 1 we ' +
  'are faster. × and %: the time as a multiple of a bare loop over the same bytes, or the rate as a share ' +
  'of a bare multiply-add loop (P). ns are per element.';

export function page(numbers: Numbers): string {
  const goals = goalLines(numbers);
  const missed = goals.filter(({ state }) => state === 'missed' || state === undefined);
  return `${[
    '# Results',
    'Made from [results/](results) by `npm run bench:results -- --render`; do not edit. ' +
      '[README.md](README.md) says how it is measured, how to read a ratio, and how to print every row.',
    '## Conclusions',
    conclusions(numbers),
    `## Goals: ${goals.length - missed.length} of ${goals.length} reached`,
    'A goal is held against the worst row that it is about. Those whose aim is reached: ' +
      `${goals
        .filter(({ state }) => state === 'aim')
        .map(aimReached)
        .join('; ')}.`,
    markdown(
      ['short of the aim', 'must', 'aim', 'measured', 'state', 'why'],
      goals.filter(({ state }) => state !== 'aim').map(goalCells),
    ),
    '## Subjects',
    LEGEND,
    ...SUBJECTS.flatMap((subject) => subjectTable(subject, numbers)),
    '## Runtimes',
    numbers.runtimes ? runtimes(numbers.runtimes) : 'Not measured.',
    '## Processors',
    processors(numbers.stored),
    '## Origin of the numbers',
    origins(numbers),
  ].join('\n\n')}\n`;
}

/** How many works are faster than in each library, and where they are not. */
function conclusions({ stored }: Numbers): string {
  const rows = peerRows(stored).filter(({ work }) => !work.endsWith(', relaxed'));
  const lines = NAMES.map((name) => {
    const timed = rows.flatMap((row) => {
      const ratio = ratioOf(row, name);
      return ratio === undefined ? [] : [{ group: row.group, ratio }];
    });
    const slower = timed.filter(({ ratio }) => ratio > 1);
    const groups = [...new Set(slower.map(({ group }) => group))].map(
      (group) =>
        `${group} (${range(slower.filter((row) => row.group === group).map(({ ratio }) => ratio))})`,
    );
    const ratios = timed.map(({ ratio }) => ratio).sort((a, b) => a - b);
    return [
      name,
      `${timed.length - slower.length} of ${timed.length}`,
      ratios.length > 0 ? share(ratios[ratios.length >> 1]!) : '–',
      groups.join(', ') || 'nowhere',
    ];
  });
  const scripts = NAMES.filter((name) => name !== 'pytorch' && name !== 'ort-node');
  const timed = rows.flatMap((row) =>
    scripts.flatMap((name) => {
      const ratio = ratioOf(row, name);
      return ratio === undefined ? [] : [ratio];
    }),
  );
  const faster = timed.filter((ratio) => ratio <= 1).length;
  const text =
    `evenkeel is faster than the other libraries in JavaScript and WebAssembly in ${faster} of ` +
    `${timed.length} comparisons. PyTorch and ONNX Runtime for Node are native code with vectors of up to ` +
    '512 bits: they are faster in matrix products and convolutions, and slower in most norms.';
  const header = [
    'library',
    'works in which we are faster',
    'our time / theirs, median',
    'slower in',
  ];
  return `${text}\n\n${markdown(header, lines)}`;
}

interface GoalLine {
  goal: Goal;
  /** The worst figure, with its unit and where it is from. */
  measured: string;
  state: ReturnType<typeof verdict> | undefined;
}

function goalLines({ benches, stored }: Numbers): GoalLine[] {
  const order = [...benches].sort(
    ([, a], [, b]) => SUBJECTS.indexOf(a.subject) - SUBJECTS.indexOf(b.subject),
  );
  return order.flatMap(([name, { goals = [] }]) => {
    const found = foundIn(stored.get(name) ?? {});
    return goals.map((goal) => {
      const figures = goal.of(found);
      const measured = worst(goal, found);
      const state = measured && verdict(goal, measured.value);
      const works = new Set(figures.map(({ where }) => where.split(', ')[0]));
      const where = works.size === 1 ? measured?.where.replace(/^[^[]*?, /, '') : measured?.where;
      const from = figures.length > 1 ? ` (${where})` : '';
      return {
        goal,
        measured: measured ? `${figure(measured.value)} ${goal.unit}${from}` : 'not measured',
        state,
      };
    });
  });
}

const aimReached = ({ goal: { name, aim, unit }, measured }: GoalLine): string =>
  `${name}: ${measured}, aim ${aim} ${unit}`;

function goalCells({ goal, measured, state }: GoalLine): string[] {
  const { name, must, aim, unit, why = '' } = goal;
  const mark = { aim: 'aim reached', must: 'reached', missed: '**missed**' };
  return [name, `${must} ${unit}`, `${aim} ${unit}`, measured, state ? mark[state] : '', why];
}

function foundIn({ strict, relaxed, peers, 'peers-relaxed': both }: Stored): Found {
  const pytorch = [...(peers?.rows ?? []), ...(both?.rows ?? [])].flatMap((row): Contested[] => {
    const ratio = ratioOf(row, 'pytorch');
    return ratio === undefined ? [] : [{ work: row.work, shape: row.shape, ratio }];
  });
  return { strict: strict?.rows ?? [], relaxed: relaxed?.rows ?? [], pytorch };
}

/** A row for each work of the subject's benchmarks. */
function subjectTable(subject: string, { benches, stored }: Numbers): string[] {
  const rows = [...benches]
    .filter(([, bench]) => bench.subject === subject)
    .flatMap(([name, bench]) => workRows(name, bench, stored.get(name) ?? {}));
  if (rows.length === 0) return [];
  const contested = NAMES.filter((_, i) => rows.some((row) => row[3 + i] !== ''));
  const columns = [0, 1, 2, ...contested.map((name) => 3 + NAMES.indexOf(name))];
  const header = [`**${subject}**`, 'ours', 'beside the machine', ...NAMES];
  const taken = (row: readonly string[]) => columns.map((i) => row[i]!);
  return [markdown(taken(header), rows.map(taken))];
}

function workRows(name: string, { shown, contest }: Bench, stored: Stored): string[][] {
  const works = shown ?? [...new Set((contest?.items ?? []).map(({ work }) => work))];
  return works
    .map((work) => workRow(name, work, stored.strict?.rows ?? [], stored.peers?.rows ?? []))
    .filter(([, ours]) => ours !== '');
}

function workRow(
  name: string,
  work: string,
  all: readonly Row[],
  peers: readonly PeerRow[],
): string[] {
  const own = all.filter((row) => row.work === work);
  const contested = peers.filter((row) => row.work === work);
  const unit = (own[0] ?? contested[0])?.unit.replace('/element', '') ?? '';
  const values =
    own.length > 0
      ? own.map(({ value }) => value.median)
      : contested.map(({ ours }) => ours.median);
  return [
    `${name}: ${work}`,
    values.length > 0 ? `${range(values, figure)} ${unit}` : '',
    limits(own),
    ...NAMES.map((peer) => cell(contested, peer)),
  ];
}

function limits(rows: readonly Row[]): string {
  const found = rows.flatMap(({ ratio }) => (ratio ? [ratio] : []));
  if (found.length === 0) return '';
  const [sign, ...of] = found[0]!.of.split(' ');
  const percent = sign === '%';
  const numbers = found.map(({ median }) => (percent ? 100 * median : median));
  return `${range(numbers, (value) => (percent ? value.toFixed(0) : share(value)))} ${sign} ${of.join(' ')}`;
}

/** The range of ratios to a library, and why some shapes have none. */
function cell(rows: readonly PeerRow[], name: PeerName): string {
  const ratios: number[] = [];
  const reasons = new Map<string, number>();
  for (const row of rows) {
    const result = row.theirs[name];
    if (!result) continue;
    if ('ratio' in result) ratios.push(result.ratio.median);
    else reasons.set(result.reason, (reasons.get(result.reason) ?? 0) + 1);
  }
  const said = [...reasons];
  if (ratios.length === 0) return said.map(([reason]) => reason).join(', ');
  const rest = said.map(([reason, count]) => `${count} × ${reason}`).join(', ');
  return rest ? `${range(ratios)} (${rest})` : range(ratios);
}

function peerRows(stored: Numbers['stored']): PeerRow[] {
  return [...stored.values()].flatMap(({ peers }) => peers?.rows ?? []);
}

function ratioOf(row: PeerRow, name: PeerName): number | undefined {
  const result = row.theirs[name];
  return result && 'ratio' in result ? result.ratio.median : undefined;
}

const share = (value: number): string => String(Number(value.toPrecision(2)));

function range(values: readonly number[], text: (value: number) => string = share): string {
  const [low, high] = [text(Math.min(...values)), text(Math.max(...values))];
  return low === high ? low : `${low}–${high}`;
}

/** Machine, date, Node and command of every part, those that are equal in one line. */
function origins({ stored, runtimes }: Numbers): string {
  const lines = new Map<string, Set<string>>();
  const add = ({ machine, date, command, note }: Origin, name: string) => {
    const { cpu, cores, node, system } = machine;
    const line = `${date.slice(0, 10)}, ${cpu}, ${cores} cores, ${system}, Node ${node}: \`${command}\`${note ? `; ${note}` : ''}`;
    lines.set(line, (lines.get(line) ?? new Set()).add(name));
  };
  for (const part of PARTS) {
    if (part === 'runtimes') continue;
    for (const [name, measured] of stored) {
      const origin = measured[part]?.origin;
      if (origin) add(origin, name);
    }
  }
  if (runtimes) add(runtimes.origin, 'runtimes');
  return [...lines].map(([line, names]) => `- ${line} (${[...names].join(', ')})`).join('\n');
}
