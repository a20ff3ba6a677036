import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MinMaxScaler, StandardScaler } from '../../src/data/index.ts';
import { loadSafetensors, saveSafetensors } from '../../src/state/index.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { expectClose } from '../support/close.ts';
import { type GoldenTensor, readGoldens } from '../support/goldens.ts';
import { TestRandom } from '../support/random.ts';

/** Statistics in float64. */
const EXACT = { rtol: 1e-12 };
/** What comes out, in float32. */
const ROUNDED = { rtol: 1e-7, atol: 1e-7 };

const tables = new Map(readGoldens('tables').map(({ name, x }) => [name, x as GoldenTensor]));

/** The changes of scalers.py. */
const changes: Record<string, (x: Float64Array, width: number) => void> = {
  missing(x) {
    for (let i = 3; i < x.length; i += 7) x[i] = Number.NaN;
  },
  constant(x, width) {
    for (let i = 0; i < x.length; i += width) {
      x[i + 1] = 0.1;
      x[i + 2]! += 1e8;
    }
  },
};

interface Table {
  data: Float64Array;
  shape: [number, number];
}

function tableOf(name: string, change: string | null): Table {
  const { data, shape } = tables.get(name)!;
  const copy = Float64Array.from(data);
  if (change) changes[change]!(copy, shape[1]!);
  return { data: copy, shape: shape as [number, number] };
}

function rowsOf({ data, shape: [n, width] }: Table, from: number, to: number): Table {
  const end = Math.min(to, n);
  return { data: data.slice(from * width, end * width), shape: [end - from, width] };
}

/** Every `step`-th row. */
function every(step: number, values: ArrayLike<number>, width: number): number[] {
  return Array.from(values).filter((_, i) => Math.floor(i / width) % step === 0);
}

describe('scalers against scikit-learn', () => {
  for (const golden of readGoldens('scalers')) {
    const { name, change, batch } = golden;
    const title = `${name}${change ? `, ${change}` : ''}`;

    it(`StandardScaler: ${title}`, () => {
      const x = tableOf(name, change);
      const [n, width] = x.shape;
      const expected = golden.standard;
      const whole = new StandardScaler().fit(x);
      const streamed = new StandardScaler();
      for (let at = 0; at < n; at += batch) streamed.partialFit(rowsOf(x, at, at + batch));
      for (const scaler of [whole, streamed]) {
        expect(scaler.count).toEqual(expected.count.data);
        expectClose(scaler.mean, expected.mean.data, EXACT, 'mean');
        // A mean of 1e8 is itself rounded to 1e-8.
        const noise = { rtol: change === 'constant' ? 1e-8 : 1e-12, atol: 1e-16 };
        expectClose(scaler.variance, expected.variance.data, noise, 'variance');
        expectClose(scaler.scale, expected.scale.data, noise, 'scale');
        const y = scaler.transform(x);
        expect(y.shape).toEqual(x.shape);
        expectClose(every(golden.every, y.toArray(), width), expected.y.data, ROUNDED, 'y');
        expectClose(scaler.inverse(y).toArray(), x.data, { rtol: 1e-6, scaled: 1e-7 }, 'inverse');
      }
    });

    it(`MinMaxScaler: ${title}`, () => {
      const x = tableOf(name, change);
      const [n, width] = x.shape;
      const { dataMin, dataMax, scale, y } = golden.minmax;
      const options = { range: [-1, 2], clip: true } as const;
      const whole = new MinMaxScaler(options).fit(x);
      const streamed = new MinMaxScaler(options);
      for (let at = 0; at < n; at += batch) streamed.partialFit(rowsOf(x, at, at + batch));
      for (const scaler of [whole, streamed]) {
        expect(scaler.dataMin).toEqual(dataMin.data);
        expect(scaler.dataMax).toEqual(dataMax.data);
        expectClose(scaler.scale, scale.data, EXACT, 'scale');
        const moved = x.data.map((v, i) => {
          const f = i % width;
          return v + (dataMax.data[f] - dataMin.data[f]) / 10;
        });
        const out = scaler.transform({ data: moved, shape: x.shape }).toArray();
        expectClose(every(golden.every, out, width), y.data, { atol: 3e-7 }, 'y');
        const back = scaler.inverse(scaler.transform(x)).toArray();
        expectClose(back, x.data, { rtol: 1e-6, scaled: 1e-6 }, 'inverse');
      }
    });
  }
});

describe('StandardScaler', () => {
  const random = new TestRandom(3);

  it('takes channels of images, first or last', () => {
    const [n, c, s] = [3, 2, 5];
    const data = random.normals(n * c * s, 4, 3);
    const last = new Float32Array(data.length);
    const columns: number[][] = [[], []];
    data.forEach((value, i) => {
      const [sample, channel, place] = [Math.floor(i / (c * s)), Math.floor(i / s) % c, i % s];
      last[(sample * s + place) * c + channel] = value;
      columns[channel]!.push(value);
    });
    const first = new StandardScaler().fit({ data, shape: [n, c, 1, s] });
    const other = new StandardScaler({ axis: -1 }).fit({ data: last, shape: [n, 1, s, c] });
    for (const [channel, values] of columns.entries()) {
      const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
      const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
      for (const scaler of [first, other]) {
        expect(scaler.features).toBe(2);
        expect(scaler.count[channel]).toBe(15);
        expect(scaler.mean[channel]).toBeCloseTo(mean, 12);
        expect(scaler.variance[channel]).toBeCloseTo(variance, 12);
      }
    }
    const y = first.transform({ data, shape: [n, c, 1, s] }).toArray();
    const z = other.transform({ data: last, shape: [n, 1, s, c] }).toArray();
    expect([...z].sort()).toEqual([...y].sort());
    expect(z[1]).toBe(y[s]);
  });

  it('streams any cut of the samples to the same statistics, far from 0 too', () => {
    const n = 60;
    const cuts = fc.array(fc.integer({ min: 1, max: n - 1 }), { maxLength: 6 });
    const seeds = fc.integer({ min: 1, max: 1e6 });
    fc.assert(
      fc.property(seeds, cuts, fc.constantFrom(0, 1, 1e4, -1e7), (seed, edges, mean) => {
        const source = new TestRandom(seed);
        const data = Float64Array.from({ length: n * 3 }, () => {
          return source.uniform() < 0.1 ? Number.NaN : mean + source.normal();
        });
        const table: Table = { data, shape: [n, 3] };
        const whole = new StandardScaler().fit(table);
        const streamed = new StandardScaler();
        const sorted = [0, ...new Set(edges)].sort((a, b) => a - b);
        sorted.forEach((from, i) => {
          streamed.partialFit(rowsOf(table, from, sorted[i + 1] ?? n));
        });
        expect(streamed.count).toEqual(whole.count);
        expectClose(streamed.mean, whole.mean, { rtol: 1e-12, atol: 1e-12 });
        // A mean in float64 is off by 1e-16 of itself.
        expectClose(streamed.variance, whole.variance, { rtol: 1e-11 + 1e-15 * Math.abs(mean) });
      }),
      { numRuns: 200, seed: 13 },
    );
  });

  it('leaves the mean or the deviation alone where asked to', () => {
    const x = Tensor.from([
      [1, 10],
      [3, 30],
    ]);
    const scaled = (options: object) => [...new StandardScaler(options).fitTransform(x).toArray()];
    expect(scaled({})).toEqual([-1, -1, 1, 1]);
    expect(scaled({ withMean: false })).toEqual([1, 1, 3, 3]);
    expect(scaled({ withStd: false })).toEqual([-1, -10, 1, 10]);
  });

  it('knows nothing of a feature without values, until one comes', () => {
    const scaler = new StandardScaler().fit(Tensor.from([[Number.NaN, 1]]));
    expect([...scaler.transform(Tensor.from([[5, 1]])).toArray()]).toEqual([Number.NaN, 0]);
    expect([...scaler.count]).toEqual([0, 1]);
    scaler.partialFit(
      Tensor.from([
        [5, 3],
        [7, 3],
      ]),
    );
    expectClose(scaler.mean, [6, 7 / 3], EXACT);
    scaler.partialFit(Tensor.from([[Number.NaN, Number.NaN]]));
    expect([...scaler.count]).toEqual([2, 3]);
    expect(scaler.variance[0]).toBe(1);
  });

  it('corrects its mean, and the variance around it, by what rounding left', () => {
    const n = 300_000;
    const data = Float64Array.from({ length: n }, (_, i) => 1e13 + (i % 3));
    const scaler = new StandardScaler().fit({ data, shape: [n, 1] });
    expectClose(scaler.mean, [1e13 + 1], { rtol: 3e-16 });
    expectClose(scaler.variance, [2 / 3], { rtol: 1e-6 });
  });

  it('gives 0 for a constant feature, and the constant back', () => {
    const rows = 1000;
    const data = new Float64Array(rows).fill(0.1);
    const scaler = new StandardScaler();
    for (let at = 0; at < rows; at += 7) {
      scaler.partialFit({ data: data.slice(at, at + 7), shape: [Math.min(7, rows - at), 1] });
    }
    expect([...scaler.scale]).toEqual([1]);
    const y = scaler.transform({ data: data.slice(0, 2), shape: [2, 1] });
    expectClose(y.toArray(), [0, 0], { atol: 1e-15 });
    expectClose(scaler.inverse(y).toArray(), [0.1, 0.1], { rtol: 1e-7 });
  });
});

describe('MinMaxScaler', () => {
  it('does not take a small unit for a constant', () => {
    const scaler = new MinMaxScaler().fit(Tensor.from([[1e-20], [3e-20], [2e-20]]));
    expect([...scaler.transform(Tensor.from([[1e-20], [3e-20], [1.5e-20]])).toArray()]).toEqual([
      0, 1, 0.25,
    ]);
  });

  it('lets values beyond those seen go beyond the range, unless it clips', () => {
    const seen = Tensor.from([[0], [2]]);
    const x = Tensor.from([[-2], [1], [4], [Number.NaN]]);
    const scaled = (options: object) => [
      ...new MinMaxScaler(options).fit(seen).transform(x).toArray(),
    ];
    expect(scaled({})).toEqual([-1, 0.5, 2, Number.NaN]);
    expect(scaled({ clip: true })).toEqual([0, 0.5, 1, Number.NaN]);
  });

  it('knows nothing of a feature without values', () => {
    const scaler = new MinMaxScaler().fit(
      Tensor.from([
        [Number.NaN, 1],
        [Number.NaN, 2],
      ]),
    );
    expect([...scaler.transform(Tensor.from([[5, 1]])).toArray()]).toEqual([Number.NaN, 0]);
    scaler.partialFit(
      Tensor.from([
        [4, Number.NaN],
        [8, Number.NaN],
      ]),
    );
    expect([...scaler.transform(Tensor.from([[5, 1]])).toArray()]).toEqual([0.25, 0]);
    expect([...scaler.count]).toEqual([2, 2]);
  });
});

describe.each([
  ['StandardScaler', () => new StandardScaler(), () => new StandardScaler({ nan: 'refuse' })],
  ['MinMaxScaler', () => new MinMaxScaler(), () => new MinMaxScaler({ nan: 'refuse' })],
] as const)('%s', (name, make, strict) => {
  const random = new TestRandom(4);
  const x = { data: random.normals(40 * 3, 1e3, 7), shape: [40, 3] };

  it('goes on from a saved state as if it had never stopped', () => {
    const [a, b] = [make().fit(x), make()];
    const more = { data: random.normals(10 * 3), shape: [10, 3] };
    b.loadStateDict(loadSafetensors(saveSafetensors(a.stateDict())).tensors);
    expect(b.affine()).toEqual(a.affine());
    a.partialFit(more);
    b.partialFit(more);
    expect(b.stateDict()).toEqual(a.stateDict());
    expect(b.transform(x)).toEqual(a.transform(x));
  });

  it('takes a state of plain tensors', () => {
    const [a, b] = [make().fit(x), make()];
    const plain = Object.entries(a.stateDict()).map(([key, tensor]) => [
      key,
      Tensor.from(tensor.toArray().slice(0, 3)),
    ]);
    b.loadStateDict(Object.fromEntries(plain));
    expectClose(b.transform(x).toArray(), a.transform(x).toArray(), { atol: 1e-4 });
  });

  it('says what is missing before fit', () => {
    const text = 'expected statistics, got none yet: call fit, partialFit or loadStateDict';
    for (const method of ['transform', 'inverse'] as const) {
      expect(() => make()[method](x)).toThrow(new Error(`${name}.${method}: ${text}`));
    }
    expect(() => make().stateDict()).toThrow(new Error(`${name}.stateDict: ${text}`));
    expect(() => make().affine()).toThrow(text);
    expect(make().fitted).toBe(false);
  });

  it('refuses other widths, and stays as it was', () => {
    const scaler = make().fit(x);
    const before = scaler.stateDict();
    const wide = { data: new Float32Array(8), shape: [2, 4] };
    for (const method of ['transform', 'inverse', 'partialFit'] as const) {
      expect(() => scaler[method](wide)).toThrow(
        new RangeError(`${name}.${method}: expected 3 features along axis 1, got 4 in [2, 4]`),
      );
    }
    const other = make().fit(wide).stateDict();
    expect(() => scaler.loadStateDict(other)).toThrow(
      new RangeError(`${name}.loadStateDict: ${Object.keys(other)[0]} expected 3 features, got 4`),
    );
    expect(scaler.stateDict()).toEqual(before);
    expect(scaler.fit(wide).features).toBe(4);
  });

  it('refuses a state that is none', () => {
    const scaler = make();
    const good = make().fit(x).stateDict();
    const [first] = Object.keys(good) as [string];
    expect(() => scaler.loadStateDict({})).toThrow(/expected .*count, got nothing/);
    expect(() => scaler.loadStateDict({ ...good, extra: Tensor.from(1) })).toThrow(/got .*extra/);
    expect(() => scaler.loadStateDict({ ...good, [first]: Tensor.zeros([3, 4]) })).toThrow(
      /expected 4 features, got 3/,
    );
    expect(() => scaler.loadStateDict({ ...good, [first]: Tensor.zeros([2, 3]) })).toThrow(
      /expected \[3, F\] or \[F\], got \[2, 3\]/,
    );
    expect(() => scaler.loadStateDict({ ...good, count: Tensor.from([1, 2.5, 3]) })).toThrow(
      /count expected whole numbers ≥ 0, got 2.5 for feature 1/,
    );
    const turned: Record<string, Tensor> =
      name === 'StandardScaler'
        ? { std: Tensor.from([1, -1, 1]) }
        : { data_max: Tensor.from([0, 1, 0]), data_min: Tensor.from([0, 2, 0]) };
    expect(() => scaler.loadStateDict({ ...good, ...turned })).toThrow(
      name === 'StandardScaler'
        ? /std expected numbers ≥ 0, got -1 for feature 1/
        : /feature 1 expected data_min ≤ data_max, got 2 > 1/,
    );
    expect(scaler.fitted).toBe(false);
  });

  it('refuses infinity in fit, and NaN where asked to', () => {
    const bad = (value: number) => ({ data: [1, 2, 3, 4, value, 6], shape: [1, 3, 2] });
    for (const scaler of [make(), strict()]) {
      for (const method of ['fit', 'partialFit'] as const) {
        expect(() => scaler[method](bad(-Infinity))).toThrow(
          new RangeError(
            `${name}.${method}: expected ${scaler.nan === 'refuse' ? 'numbers' : 'no infinite values'}, ` +
              'got -Infinity at [0, 2, 0]: remove the sample',
          ),
        );
      }
      expect(scaler.fitted).toBe(false);
    }
    const scaler = strict();
    const message =
      'expected numbers, got NaN at [0, 2, 0]: replace it with a number, or remove the sample';
    expect(() => scaler.fit(bad(Number.NaN))).toThrow(new RangeError(`${name}.fit: ${message}`));
    scaler.fit(bad(5));
    const before = scaler.stateDict();
    for (const method of ['fit', 'partialFit', 'transform', 'inverse'] as const) {
      expect(() => scaler[method](bad(Number.NaN))).toThrow(
        new RangeError(`${name}.${method}: ${message}`),
      );
    }
    expect(scaler.stateDict()).toEqual(before);
    expect(scaler.transform(bad(Infinity)).toArray()[4]).toBe(Infinity);
  });

  it('refuses inputs without features or samples', () => {
    expect(() => make().fit(Tensor.from([1, 2]))).toThrow(
      new RangeError(
        `${name}.fit: expected a shape with samples along axis 0 and features along axis 1, such as ` +
          '[N, F], got [2]',
      ),
    );
    expect(() => make().fit(Tensor.zeros([0, 3]))).toThrow(
      new RangeError(`${name}.fit: expected at least one value, got [0, 3]`),
    );
    expect(() => make().fit([[1, 2]] as never)).toThrow(TypeError);
  });
});

describe('options of scalers', () => {
  it('are checked', () => {
    expect(() => new StandardScaler({ axis: 0 })).toThrow(
      new RangeError('StandardScaler: axis expected a whole number ≥ 1, got 0'),
    );
    expect(() => new MinMaxScaler({ axis: 1.5 })).toThrow(RangeError);
    expect(() => new StandardScaler({ nan: 'drop' as never })).toThrow(
      new TypeError("StandardScaler: nan expected 'ignore' or 'refuse', got the string drop"),
    );
    expect(() => new MinMaxScaler({ range: [1, 1] })).toThrow(
      new RangeError('MinMaxScaler: range expected low < high, got [1, 1]'),
    );
    expect(() => new MinMaxScaler({ range: [0] as never })).toThrow(TypeError);
    expect(() => new MinMaxScaler({ range: [0, Infinity] })).toThrow(RangeError);
    expect(() => new MinMaxScaler({ clip: true }).fit(Tensor.zeros([2, 1])).affine()).toThrow(
      'MinMaxScaler.affine: expected a scaler without clip, got { clip: true }: clipping is not affine',
    );
  });
});
