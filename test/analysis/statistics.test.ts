/** Population statistics over a data set, and those of another domain. */
import { describe, expect, it } from 'vitest';
import {
  adaptStatistics,
  BatchNorm1d,
  BatchNorm2d,
  Dropout,
  Linear,
  MSELoss,
  ReLU,
  recomputeStatistics,
  Sequential,
  SGD,
  Tensor,
} from '../../src/index.ts';
import { statistics } from '../reference/batchnorm.ts';
import { expectClose } from '../support/close.ts';
import { TestRandom } from '../support/random.ts';

const random = new TestRandom(5);
const CLOSE = { rtol: 2e-6, atol: 1e-6 };

/** Samples whose batches differ in mean, so that the average of their variances is far off. */
function drifting(n: number, width: number): Float32Array {
  return random.normals(n * width).map((z, i) => z + Math.floor(i / width / 10));
}

const values = (bn: BatchNorm1d | BatchNorm2d) => ({
  mean: bn.runningMean!.data.toArray(),
  variance: bn.runningVar!.data.toArray(),
  batches: bn.numBatchesTracked!.value,
});

describe('recomputeStatistics', () => {
  it('is the mean and variance of all values, however they are cut into batches', () => {
    const [n, c, s] = [53, 5, 6];
    const data = drifting(n, c * s);
    const exact = statistics(data, { n, c, s });
    const m = n * s;
    for (const runningVariance of ['unbiased', 'biased'] as const) {
      for (const batchSize of [7, 20, 53, 256]) {
        using bn = new BatchNorm2d(c, { runningVariance });
        bn.forward({ data, shape: [n, c, 2, 3] });
        expect(recomputeStatistics(bn, { data, shape: [n, c, 2, 3] }, { batchSize })).toBe(n);
        const { mean, variance, batches } = values(bn);
        const correction = runningVariance === 'biased' ? 1 : m / (m - 1);
        expectClose(mean, exact.mean, CLOSE, 'mean');
        expectClose(
          variance,
          exact.variance.map((v) => v * correction),
          CLOSE,
          'variance',
        );
        expect(batches).toBe(Math.ceil(n / batchSize));
      }
    }
  });

  it('holds far from zero', () => {
    const [n, c] = [300, 3];
    const data = random.normals(n * c, 1e4, 1);
    const exact = statistics(data, { n, c, s: 1 });
    using bn = new BatchNorm1d(c);
    recomputeStatistics(bn, Tensor.from(data, [n, c]), { batchSize: 32 });
    expectClose(values(bn).mean, exact.mean, { rtol: 1e-7 }, 'mean');
    expectClose(
      values(bn).variance,
      exact.variance.map((v) => (v * n) / (n - 1)),
      { rtol: 1e-5 },
      'variance',
    );
  });

  it('takes samples, a data set, batches, and generators of batches', () => {
    const [n, c] = [24, 4];
    const data = drifting(n, c);
    const batch = (from: number, to: number) => ({
      data: data.slice(from * c, to * c),
      shape: [to - from, c],
    });
    const forms = [
      { data, shape: [n, c] },
      { data: [...data], shape: [n, c] },
      { inputs: { data, shape: [n, c] }, targets: new Uint8Array(n) },
      [batch(0, 8), batch(8, 16), batch(16, 24)],
      [{ inputs: batch(0, 8) }, [batch(8, 16)], { inputs: [batch(16, 24)] }],
      (function* () {
        yield batch(0, 8);
        yield { inputs: batch(8, 24) };
      })(),
    ];
    const exact = statistics(data, { n, c, s: 1 });
    for (const form of forms) {
      using bn = new BatchNorm1d(c);
      expect(recomputeStatistics(bn, form, { batchSize: 8 })).toBe(n);
      expectClose(values(bn).mean, exact.mean, CLOSE, 'mean');
    }
    using bn = new BatchNorm1d(c);
    expect(recomputeStatistics(bn, forms[0]!, { batchSize: 10, dropLast: true })).toBe(20);
    const first = statistics(data.slice(0, 20 * c), { n: 20, c, s: 1 });
    expectClose(values(bn).mean, first.mean, CLOSE, 'mean of whole batches');
  });

  it('normalises each batch as training does, without dropout, and changes nothing else', () => {
    const biased = { runningVariance: 'biased' } as const;
    using model = new Sequential(
      new Linear(3, 4),
      new BatchNorm1d(4, biased),
      new ReLU(),
      new Dropout(0.5),
      new Linear(4, 2),
      new BatchNorm1d(2, biased),
    );
    const x = { data: random.normals(60, 3, 2), shape: [20, 3] };
    const frozen = model.at<BatchNorm1d>(1);
    model.forward(x);
    const y = model.forward(x);
    const kept = y.toArray();
    const untouched = model.at<Linear>(0).weight.data.toArray();
    recomputeStatistics(model, x);
    expect(y.toArray()).toEqual(kept);
    expect(model.training).toBe(true);
    expect(model.backward(Tensor.zeros([20, 2])).shape).toEqual([20, 3]);
    expect(model.at<Linear>(0).weight.data.toArray()).toEqual(untouched);
    // With one batch inference normalises as training does.
    const z = statistics(model.predict(x).toArray(), { n: 20, c: 2, s: 1 });
    expectClose(z.mean, [0, 0], { atol: 1e-5 }, 'mean');
    expectClose(z.variance, [1, 1], { atol: 1e-3 }, 'variance');
    frozen.frozenStatistics = true;
    const before = values(frozen);
    recomputeStatistics(model, { data: x.data.map((v) => v + 5), shape: x.shape });
    expect(values(frozen)).toEqual(before);
  });

  it('goes on cumulatively from the batches seen', () => {
    using bn = new BatchNorm1d(1, { momentum: null });
    const batch = (...data: number[]) => ({ data, shape: [data.length, 1] });
    recomputeStatistics(bn, [batch(0, 2), batch(4, 6)]);
    bn.forward(batch(9, 9.5));
    expect(bn.runningMean!.data.item()).toBeCloseTo((2 * 3 + 9.25) / 3, 5);
  });

  it('says what is wrong, and leaves everything as it was', () => {
    using bn = new BatchNorm1d(2);
    const before = values(bn);
    const good = { data: [1, 2, 3, 4], shape: [2, 2] };
    const refuses = (data: never, text: RegExp, options = {}) => {
      expect(() => recomputeStatistics(bn, data, options)).toThrow(text);
      expect(values(bn)).toEqual(before);
      expect(bn.population).toBeUndefined();
    };
    refuses([good, { data: [1, 2], shape: [1, 2] }] as never, /more than one value a channel/);
    refuses([good, { data: [1, 2, 3], shape: [1, 3] }] as never, /input expected \[N, 2\]/);
    refuses([] as never, /at least one batch, got none/);
    refuses({ data: [], shape: [0, 2] } as never, /expected samples, got \[0, 2\]/);
    refuses(good as never, /a batch of 8 samples, got \[2, 2\]/, { batchSize: 8, dropLast: true });
    refuses(good as never, /batchSize expected a whole number ≥ 1/, { batchSize: 0 });
    refuses(null as never, /expected samples or batches, got null/);
    refuses({ data: [1], shape: [2, 2] } as never, /expected 4 elements, got 1/);
    using plain = new Sequential(new Linear(2, 2));
    expect(() => recomputeStatistics(plain, good)).toThrow(/got none in Sequential/);
    bn.frozenStatistics = true;
    refuses(good as never, /is not frozen/);
    using untracked = new BatchNorm1d(2, { trackRunningStats: false });
    expect(() => recomputeStatistics(untracked, good)).toThrow(RangeError);
  });
});

describe('adaptStatistics', () => {
  const source = random.normals(400 * 3, 1, 2);
  const target = random.normals(50 * 3, -4, 0.5);
  const exact = statistics(target, { n: 50, c: 3, s: 1 });

  it('replaces the statistics by those of the new domain', () => {
    using bn = new BatchNorm1d(3);
    recomputeStatistics(bn, Tensor.from(source, [400, 3]), { batchSize: 100 });
    expect(adaptStatistics(bn, Tensor.from(target, [50, 3]), { batchSize: 16 })).toBe(50);
    expectClose(values(bn).mean, exact.mean, CLOSE, 'mean');
    expectClose(
      values(bn).variance,
      exact.variance.map((v) => (v * 50) / 49),
      CLOSE,
      'variance',
    );
    expect(values(bn).batches).toBe(4);
  });

  it('weighs the old statistics as so many samples', () => {
    using bn = new BatchNorm1d(3, { runningVariance: 'biased' });
    recomputeStatistics(bn, Tensor.from(source, [400, 3]));
    const before = values(bn);
    adaptStatistics(bn, Tensor.from(target, [50, 3]), { prior: 150 });
    const after = values(bn);
    for (let j = 0; j < 3; j++) {
      expect(after.mean[j]).toBeCloseTo(0.75 * before.mean[j]! + 0.25 * exact.mean[j]!, 5);
      expect(after.variance[j]).toBeCloseTo(
        0.75 * before.variance[j]! + 0.25 * exact.variance[j]!,
        5,
      );
    }
  });

  it('refuses a negative prior', () => {
    using bn = new BatchNorm1d(3);
    expect(() => adaptStatistics(bn, Tensor.from(target, [50, 3]), { prior: -1 })).toThrow(
      new RangeError('adaptStatistics: prior expected a number ≥ 0, got -1'),
    );
  });
});

describe('frozenStatistics', () => {
  it('trains γ and β, and moves nothing else', () => {
    using model = new Sequential(new BatchNorm1d(3), new Linear(3, 2));
    const bn = model.at<BatchNorm1d>(0);
    bn.frozenStatistics = true;
    using optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    const loss = new MSELoss();
    const x = { data: random.normals(24, 2), shape: [8, 3] };
    const before = values(bn);
    for (let step = 0; step < 3; step++) {
      model.train();
      loss.forward(model.forward(x), { data: random.normals(16), shape: [8, 2] });
      optimizer.zeroGrad();
      model.backward(loss.backward());
      optimizer.step();
    }
    expect(values(bn)).toEqual(before);
    expect(bn.weight!.data.toArray().every((v) => v !== 1)).toBe(true);
    expect(bn.bias!.data.toArray().every((v) => v !== 0)).toBe(true);
    // A single sample has no statistics of its own, and needs none.
    expect(model.forward({ data: [1, 2, 3], shape: [1, 3] }).shape).toEqual([1, 2]);
  });
});
