/** The benchmark suite's own arithmetic and completeness; it measures nothing. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fillUniform } from '../../bench/arena.ts';
import { type Goal, ratios } from '../../bench/bench.ts';
import { compareRows, regressions } from '../../bench/compare.ts';
import { verdict, worst } from '../../bench/goals.ts';
import { spread, statistic, timeOf, timeRounds } from '../../bench/measure.ts';
import { page } from '../../bench/page.ts';
import { disagreement } from '../../bench/peers/agree.ts';
import { allItems } from '../../bench/peers/items.ts';
import {
  driversIn,
  lackOf,
  OUTCOMES,
  PEERS,
  type PeerName,
  REASONS,
} from '../../bench/peers/support.ts';
import { jsonText } from '../../bench/record.ts';
import { measureScene, type Row } from '../../bench/scene.ts';
import { readRuntimes, readStored } from '../../bench/store.ts';
import { allBenches, chosen } from '../../bench/suite.ts';
import { figure, ratioText, rowsText, tableText } from '../../bench/table.ts';

const flat = (median: number) => ({ median, low: median, high: median });

/** Processor time that stands until work passes it. */
let clock = 0;
const pass = (milliseconds: number) => {
  clock += milliseconds;
};
beforeEach(() => {
  vi.spyOn(process, 'cpuUsage').mockImplementation(() => ({ user: 1000 * clock, system: 0 }));
});
afterEach(() => {
  vi.restoreAllMocks();
});

function row(change: Partial<Row> = {}): Row {
  return {
    group: 'gemm',
    work: 'product',
    shape: 'NN [256, 256]·[256, 256]',
    unit: 'GFLOP/s',
    value: flat(45),
    ...change,
  };
}

describe('statistics', () => {
  it('take the median and the quartiles, whatever the order', () => {
    expect(statistic([5, 1, 4, 2, 3])).toEqual({ median: 3, low: 2, high: 4 });
    expect(statistic([7])).toEqual(flat(7));
    expect(spread({ median: 4, low: 3, high: 5 })).toBe(0.5);
  });

  it('leave out the slices that the machine gave to others', () => {
    let runs = 0;
    const time = timeOf(() => pass(++runs % 24 === 0 ? 12 : 0.5), 40);
    expect(time).toBe(0.5);
  });

  it('count the runs of what is too short for the clock', () => {
    expect(timeOf(() => pass(2 ** -12), 1)).toBe(2 ** -12);
  });
});

describe('rounds', () => {
  it('run every entry in turn, put back before each, and leave the warm-up out', () => {
    const order: string[] = [];
    const entry = (name: string) => ({
      run: () => {
        pass(1);
        order.push(name);
      },
      reset: () => void order.push(`reset ${name}`),
    });
    const times = timeRounds({ a: entry('a'), b: entry('b') }, { rounds: 3, milliseconds: 0.01 });
    expect(times.a).toHaveLength(3);
    expect(order).toEqual(Array.from({ length: 5 }, () => ['reset a', 'a', 'reset b', 'b']).flat());
  });

  it('make ratios within a round, of costs and of rates', () => {
    const taking = (milliseconds: number) => ({ run: () => pass(milliseconds) });
    const effort = { rounds: 5, milliseconds: 8 };
    const base = { shape: 's' };
    const [cost] = measureScene(
      {
        ...base,
        unit: 'ns/element',
        loops: { R: taking(0.5), S: taking(0.75) },
        works: { twice: { ...taking(2.5), count: 1000, limit: ['(R+S)', (t) => t.R + t.S] } },
      },
      effort,
    );
    expect(cost).toMatchObject({
      value: flat(2500),
      ratio: { of: '× (R+S)', ...flat(2) },
      loops: { R: 500, S: 750 },
    });
    const [rate] = measureScene(
      {
        ...base,
        unit: 'GFLOP/s',
        loops: { P: taking(0.5), clock: taking(0.5) },
        works: { half: { ...taking(1), count: 48 * 65536 } },
      },
      effort,
    );
    // Half the flop of P in twice the time; a step of P is 96 flop, and one of the clock 16.
    expect(rate).toMatchObject({ ratio: { of: '% of P', ...flat(0.25) }, peak: flat(1.5) });
  });
});

describe('tables', () => {
  it('align text to the left and numbers to the right', () => {
    const text = tableText(
      ['work', 'ms'],
      [
        ['step', '1.20'],
        ['import × 2', '12.0'],
      ],
    );
    expect(text).toBe('work          ms\nstep        1.20\nimport × 2  12.0');
  });

  it('print three digits', () => {
    expect([0.0456, 1.234, 45.67, 1234.5, Number.NaN].map(figure)).toEqual([
      '0.046',
      '1.23',
      '45.7',
      '1235',
      '–',
    ]);
  });

  it('say which limit a ratio is of', () => {
    expect(ratioText({ ratio: { of: '% of P', ...flat(0.862) } })).toBe('86 % of P');
    expect(ratioText({ ratio: { of: '× (2R+S₂)', ...flat(1.07) } })).toBe('1.07 × (2R+S₂)');
    expect(ratioText({})).toBe('');
    const text = rowsText([row({ peak: flat(0.76), loops: { P: 52, clock: 3.7 } })]);
    expect(text.split('\n')[1]).toBe(
      'product  NN [256, 256]·[256, 256]    45.0  GFLOP/s  0.0 %                   76 %  P 52.0  3.70 GHz',
    );
  });
});

describe('comparison', () => {
  const share = (median: number) => ({ of: '% of P', ...flat(median) });

  it('prefers ratios to the limit of the same run', () => {
    const before = row({ value: flat(45), ratio: share(0.9) });
    const slower = row({ value: flat(30), ratio: share(0.9) });
    expect(regressions(compareRows([before], [slower]))).toEqual([]);
    const worse = row({ value: flat(45), ratio: share(0.8) });
    const [change] = regressions(compareRows([before], [worse]));
    expect(change).toMatchObject({ by: 'ratio' });
    expect(change!.factor).toBeCloseTo(1.125);
  });

  it('turns rates into costs, and takes times as they are', () => {
    expect(compareRows([row()], [row({ value: flat(50) })])[0]!.factor).toBeCloseTo(0.9);
    const step = row({ unit: 'ms', value: flat(2) });
    expect(compareRows([step], [{ ...step, value: flat(2.3) }])[0]!.factor).toBeCloseTo(1.15);
  });

  it('flags what is beyond a tenth, worst first, and passes over rows that one run lacks', () => {
    const time = (work: string, ms: number) => row({ work, unit: 'ms', value: flat(ms) });
    const before = [time('a', 10), time('b', 10), time('c', 10), time('gone', 1)];
    const after = [time('a', 10.9), time('b', 11.5), time('c', 20), time('new', 1)];
    const changes = compareRows(before, after);
    expect(changes).toHaveLength(3);
    expect(regressions(changes).map(({ row }) => row.work)).toEqual(['c', 'b']);
  });

  it('compares values where the limit is another one', () => {
    const before = row({ ratio: share(0.9) });
    const after = row({ ratio: { of: '% of peak', ...flat(0.5) } });
    expect(compareRows([before], [after])[0]).toMatchObject({ by: 'value', factor: 1 });
  });
});

it('inputs that every driver can make: multiples of 2⁻²³ from an integer congruence', () => {
  const values = fillUniform(new Float32Array(4), 1);
  let state = 1n;
  for (const value of values) {
    state = (state * 1664525n + 1013904223n) % 2n ** 32n;
    expect(value).toBe(Number(state >> 9n) / 2 ** 23 - 0.5);
  }
});

describe('benchmarks', () => {
  it('are the files of bench/works, each with something to measure', async () => {
    const benches = await allBenches();
    expect(benches.size).toBeGreaterThan(15);
    for (const [name, { scenes, measure }] of benches) {
      expect(scenes ?? measure, name).toBeTypeOf('function');
    }
  });

  it('are chosen by name, or by the end of a name', () => {
    const names = ['batchnorm', 'batchnorm-variants', 'gemm'];
    expect(chosen(names, undefined)).toEqual(names);
    expect(chosen(names, 'gemm,variants')).toEqual(['gemm', 'batchnorm-variants']);
    expect(() => chosen(names, 'norm')).toThrow(/no benchmark norm; there are batchnorm, /);
  });

  it('have items of different names', async () => {
    const names = (await allItems()).map(({ group, work, shape }) => `${group} ${work} ${shape}`);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('other libraries', () => {
  const source = (peer: PeerName) =>
    readFileSync(new URL(`../../bench/peers/${PEERS[peer]}`, import.meta.url), 'utf8');
  const peers = Object.keys(PEERS) as PeerName[];

  it('agree within a share of the largest result', () => {
    expect(disagreement([1, -2.0001], [1, -2], 1e-4)).toBeUndefined();
    expect(disagreement([1, -2.1], [1, -2], 1e-4)).toMatch(/off by 5.0e-2/);
    expect(disagreement([1], [1, -2], 1e-4)).toMatch(/1 samples, not 2/);
    expect(disagreement([Number.NaN], [1], 1)).toMatch(/off by NaN/);
    expect(disagreement([1], [null], 1)).toMatch(/off by NaN/);
  });

  it('are found by the functions of their file', () => {
    const drivers = driversIn(
      'function a(x) {}\nasync function b() {}\n  function c() {}\ndef d(x):\n',
    );
    expect([...drivers]).toEqual(['a', 'b', 'd']);
  });

  it.each(peers)('%s has a driver or a reason for every item', async (peer) => {
    const drivers = driversIn(source(peer));
    const lacking = (await allItems()).filter(
      (item) => !drivers.has(item.group) && !lackOf(peer, item),
    );
    expect(lacking.map(({ group, work }) => `${group}: ${work}`)).toEqual([]);
  });

  it.each(peers)('%s has no driver that nothing asks for', async (peer) => {
    const items = (await allItems()).filter((item) => !lackOf(peer, item));
    const asked = new Set(items.map(({ group }) => group));
    const known = new Set((await allItems()).map(({ group }) => group));
    const unused = [...driversIn(source(peer))].filter(
      (name) => known.has(name) && !asked.has(name),
    );
    expect(unused).toEqual([]);
  });

  it('lack nothing that no item asks for', async () => {
    const items = await allItems();
    const used = peers.flatMap((peer) => items.map((item) => lackOf(peer, item)));
    const outcomes: string[] = Object.values(OUTCOMES);
    expect(new Set(used.filter((reason) => reason !== undefined))).toEqual(
      new Set([...REASONS].filter((reason) => !outcomes.includes(reason))),
    );
  });
});

describe('stored results', () => {
  it('have a time or a known reason for every library', () => {
    const allowed = [...REASONS].filter((reason) => reason !== OUTCOMES.failed);
    for (const [name, { peers }] of readStored()) {
      for (const { work, theirs } of peers?.rows ?? []) {
        expect(Object.keys(theirs), `${name}: ${work}`).toEqual(Object.keys(PEERS));
        for (const [peer, result] of Object.entries(theirs)) {
          if ('ratio' in result) expect(result.ratio.median).toBeGreaterThan(0);
          else expect(allowed, `${name}: ${work}, ${peer}`).toContain(result.reason);
        }
      }
    }
  });

  it('belong to benchmarks that exist', async () => {
    const names = [...(await allBenches()).keys()];
    for (const name of readStored().keys()) expect(names).toContain(name);
  });

  it('make RESULTS.md, which npm run bench:results -- --render writes', async () => {
    const text = readFileSync(new URL('../../bench/RESULTS.md', import.meta.url), 'utf8');
    const benches = await allBenches();
    expect(text).toBe(page({ benches, stored: readStored(), runtimes: readRuntimes() }));
    expect(text.split('\n').length).toBeLessThan(196); // two processors take 39 of them
  });

  it('are JSON with an element a line', () => {
    const run = { origin: { date: 'today' }, rows: [{ shape: '[2, {3}]', values: [1 / 3] }, {}] };
    const text = jsonText(run);
    expect(JSON.parse(text)).toEqual({
      ...run,
      rows: [{ shape: '[2, {3}]', values: [0.3333] }, {}],
    });
    expect(text.split('\n')).toHaveLength(7);
  });
});

describe('goals', () => {
  const inference: Goal = {
    name: 'inference × S',
    ...{ must: 1.15, aim: 1.05, unit: '×' },
    of: ({ strict }) => ratios(strict, 'inference', ({ shape }) => !shape.startsWith('rows')),
  };
  const image = (shape: string, ratio: number) =>
    row({ work: 'inference', shape, unit: 'ns/element', ratio: { of: '× S', ...flat(ratio) } });
  const found = (strict: Row[]) => ({ strict, relaxed: [], pytorch: [] });

  it('take the worst row that they are about', () => {
    const rows = [
      image('NCHW [32, 64, 56, 56]', 1.04),
      image('NHWC [32, 56, 56, 64]', 1.1),
      image('rows [128, 100]', 3),
    ];
    expect(worst(inference, found(rows))).toEqual({
      value: 1.1,
      where: 'inference, NHWC [32, 56, 56, 64]',
    });
    expect(worst({ ...inference, more: true }, found(rows))?.value).toBe(1.04);
    expect(worst(inference, found([]))).toBeUndefined();
  });

  it('know more from less', () => {
    expect([1.05, 1.1, 1.2].map((value) => verdict(inference, value))).toEqual([
      'aim',
      'must',
      'missed',
    ]);
    const product = { ...inference, must: 85, aim: 93, more: true };
    expect([93, 90, 80].map((value) => verdict(product, value))).toEqual(['aim', 'must', 'missed']);
  });
});
