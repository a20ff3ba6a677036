/** The benchmark suite's own arithmetic: statistics, table, comparison. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fillUniform } from '../bench/arena.ts';
import { compareRows, regressions } from '../bench/compare.ts';
import { GOALS, verdict, worst } from '../bench/goals.ts';
import { spread, statistic, timeOf, timeRounds } from '../bench/measure.ts';
import { disagreement } from '../bench/peers/agree.ts';
import { measureScene, type Row } from '../bench/scene.ts';
import { figure, ratioText, rowsText, tableText } from '../bench/table.ts';

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
    const base = { group: 'g', shape: 's' };
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

it('inputs that every rival can make: multiples of 2⁻²³ from an integer congruence', () => {
  const values = fillUniform(new Float32Array(4), 1);
  let state = 1n;
  for (const value of values) {
    state = (state * 1664525n + 1013904223n) % 2n ** 32n;
    expect(value).toBe(Number(state >> 9n) / 2 ** 23 - 0.5);
  }
});

describe('rivals', () => {
  it('agree within a share of the largest result', () => {
    expect(disagreement([1, -2.0001], [1, -2], 1e-4)).toBeUndefined();
    expect(disagreement([1, -2.1], [1, -2], 1e-4)).toMatch(/off by 5.0e-2/);
    expect(disagreement([1], [1, -2], 1e-4)).toMatch(/1 samples, not 2/);
    expect(disagreement([Number.NaN], [1], 1)).toMatch(/disagrees/);
    expect(disagreement([1], [null], 1)).toMatch(/disagrees/);
  });
});

describe('goals', () => {
  const inference = GOALS.find(({ name }) => name.includes('× S'))!;
  const image = (shape: string, ratio: number) =>
    row({
      group: 'batchnorm',
      work: 'inference',
      shape,
      unit: 'ns/element',
      ratio: { of: '× S', ...flat(ratio) },
    });

  it('take the worst row that they are about', () => {
    const rows = [
      image('NCHW [32, 64, 56, 56]', 1.04),
      image('NHWC [32, 56, 56, 64]', 1.1),
      image('rows [128, 100]', 3),
    ];
    expect(worst(inference, rows, [], [])).toBe(1.1);
    expect(worst(inference, [], [], [])).toBeUndefined();
  });

  it('know more from less', () => {
    expect([1.05, 1.1, 1.2].map((value) => verdict(inference, value))).toEqual([
      'aim',
      'must',
      'misses',
    ]);
    const product = GOALS.find(({ more }) => more)!;
    expect([93, 90, 80].map((value) => verdict(product, value))).toEqual(['aim', 'must', 'misses']);
  });
});
