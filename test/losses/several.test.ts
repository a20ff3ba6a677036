/** Losses of several predictions. */
import { describe, expect, it } from 'vitest';
import {
  CosineEmbeddingLoss,
  GaussianNLLLoss,
  Linear,
  memoryUsage,
  Tensor,
  TripletMarginLoss,
} from '../../src/index.ts';
import * as reference from '../reference/losses.ts';
import { expectClose } from '../support/close.ts';
import { expectGradient } from '../support/gradient.ts';
import { TestRandom } from '../support/random.ts';

const random = new TestRandom(1);
const normals = (n: number) => Float64Array.from(random.normals(n));
const packed = (gradients: readonly Tensor[]) => gradients.flatMap((g) => [...g.toArray()]);

describe('losses of several predictions', () => {
  it.each([1, 3, 4, 5, 17])('GaussianNLLLoss = float64, [%i]', (n) => {
    const [x, t] = [normals(n), normals(n)];
    const v = Float64Array.from(random.uniforms(n, 0.7, 2));
    const loss = new GaussianNLLLoss({ reduction: 'sum' });
    const each = Array.from(x, (_, i) => reference.gaussianNLL(x[i]!, v[i]!, t[i]!));
    const of = (both: Float64Array) =>
      each.reduce((sum, _, i) => sum + reference.gaussianNLL(both[i]!, both[n + i]!, t[i]!)[0], 0);
    const gradient = [...each.map(([, dx]) => dx), ...each.map(([, , dv]) => dv)];
    const both = Float64Array.of(...x, ...v);
    expectGradient({ gradient, at: both, of });
    const value = loss.forward([Tensor.from([...x]), Tensor.from([...v])], [...t]);
    expectClose([value], [of(both)], { rtol: 1e-6, atol: 1e-6 });
    expectClose(packed(loss.backward()), gradient, { rtol: 2e-6, scaled: 1e-6 });
  });

  it.each([1, 3, 4, 5, 17])('CosineEmbeddingLoss = float64, [3, %i]', (d) => {
    const [a, b] = [normals(3 * d), normals(3 * d)];
    const y = [1, -1, 1];
    const row = (x: Float64Array, i: number) => x.subarray(i * d, (i + 1) * d);
    const each = y.map((t, i) => reference.cosineEmbedding(row(a, i), row(b, i), t, -0.99));
    for (const [i, { gradient }] of each.entries()) {
      const at = Float64Array.of(...row(a, i), ...row(b, i));
      const of = (x: Float64Array) =>
        reference.cosineEmbedding(x.subarray(0, d), x.subarray(d), y[i]!, -0.99).loss;
      expectGradient({ gradient, at, of });
    }
    const loss = new CosineEmbeddingLoss({ margin: -0.99, reduction: 'none' });
    const shape = [3, d];
    const terms = loss.forward(
      [
        { data: [...a], shape },
        { data: [...b], shape },
      ],
      y,
    );
    expectClose(
      terms.toArray(),
      each.map((one) => one.loss),
      { rtol: 1e-6, atol: 1e-6 },
    );
    const [da, db] = loss.backward([2, 3, 4]) as [Tensor, Tensor];
    const slopes = (part: number) =>
      each.flatMap(({ gradient }, i) =>
        [...gradient.slice(part * d, (part + 1) * d)].map((g) => g * (i + 2)),
      );
    expectClose(da.toArray(), slopes(0), { rtol: 2e-6, scaled: 1e-6 });
    expectClose(db.toArray(), slopes(1), { rtol: 2e-6, scaled: 1e-6 });
  });

  it.each([1, 2, 3, 2.5])('TripletMarginLoss = float64 in the norm %d', (p) => {
    for (const d of [1, 3, 4, 5, 17]) {
      const triplet = [normals(d), normals(d), normals(d)] as const;
      const options = { margin: 9, power: p };
      const expected = reference.tripletMargin(triplet, options);
      const at = Float64Array.of(...triplet[0], ...triplet[1], ...triplet[2]);
      const of = (x: Float64Array) =>
        reference.tripletMargin(
          [x.subarray(0, d), x.subarray(d, 2 * d), x.subarray(2 * d)],
          options,
        ).loss;
      expectGradient({ gradient: expected.gradient, at, of });
      const loss = new TripletMarginLoss({ margin: 9, p });
      const value = loss.forward(triplet.map((x) => Tensor.from([[...x]])));
      expectClose([value], [expected.loss], { rtol: 1e-6 });
      expectClose(packed(loss.backward()), expected.gradient, { rtol: 2e-6, scaled: 2e-6 });
    }
  });

  it('a distance of 0 has the slope 0, and a loss that is met none', () => {
    const loss = new TripletMarginLoss({ eps: 0 });
    const same = Tensor.from([[1, 2]]);
    expect(loss.forward([same, same, same])).toBe(1);
    expect(packed(loss.backward())).toEqual([0, 0, 0, 0, 0, 0]);
    expect(loss.forward([same, same, Tensor.from([[9, 9]])])).toBe(0);
    expect(packed(loss.backward()).every((g) => g === 0)).toBe(true);
  });

  it('gradients go to the forward that they belong to, and to no other', () => {
    const [mean, variance] = [new Linear(2, 3), new Linear(2, 3)];
    variance.weight.assign(
      Tensor.from([
        [1, 1],
        [1, 1],
        [1, 1],
      ]),
    );
    const x = Tensor.from([[1, 2]]);
    const loss = new GaussianNLLLoss();
    loss.forward([mean.forward(x), variance.forward(x)], [[1, 2, 3]]);
    const [dMean, dVariance] = loss.backward() as [Tensor, Tensor];
    mean.backward(dMean);
    variance.forward(x);
    expect(() => variance.backward(dVariance)).toThrow(/older forward/);
    loss.forward([mean.forward(x), variance.forward(x)], [[1, 2, 3]]);
    expect(() => dMean.toArray()).toThrow(/older forward/);
    loss.dispose();
    mean.dispose();
    variance.dispose();
  });

  it('steps take no linear memory', () => {
    const loss = new CosineEmbeddingLoss();
    const step = (n: number) => {
      loss.forward([Tensor.zeros([n, 5]), Tensor.zeros([n, 5])], new Int8Array(n).fill(1));
      loss.backward();
    };
    step(9);
    const before = memoryUsage();
    for (let i = 0; i < 20; i++) step(1 + (i % 9));
    expect(memoryUsage()).toEqual(before);
    loss.dispose();
  });

  it('refuse what does not fit, and keep the pending backward', () => {
    const x = Tensor.zeros([2, 3]);
    const gaussian = new GaussianNLLLoss();
    const cosine = new CosineEmbeddingLoss();
    const triplet = new TripletMarginLoss();
    gaussian.forward([x, Tensor.from([1, 1])], Tensor.zeros([2, 3]));
    cosine.forward([x, x], [1, -1]);
    triplet.forward([x, x, x]);
    const bad: [act: () => unknown, message: string][] = [
      [
        () => gaussian.forward(x as never, x),
        'predictions expected a list [mean, variance], got a Tensor',
      ],
      [() => gaussian.forward([x], x), 'got an array of 1'],
      [() => gaussian.forward([x, 3 as never], x), 'GaussianNLLLoss: variance: expected a Tensor'],
      [() => gaussian.forward([x, Tensor.zeros([3])], x), 'variance expected [2, 3], or one for'],
      [
        () => gaussian.forward([x, Tensor.from([1, -1])], x),
        'variance[1] expected a number ≥ 0, got -1',
      ],
      [
        () => gaussian.forward([x, x], [1]),
        'target expected [2, 3], as the prediction, got 1 numbers',
      ],
      [
        () => cosine.forward([x, Tensor.zeros([2, 4])], [1, 1]),
        'input2 expected [2, 3], as input1, got [2, 4]',
      ],
      [() => cosine.forward([x, x], [1]), 'target expected [2], one for each pair, got 1 numbers'],
      [() => cosine.forward([x, x], [1, 0]), 'target[1] expected 1 or -1, got 0'],
      [
        () => cosine.forward([Tensor.zeros([1, 2, 3]), Tensor.zeros([1, 2, 3])], [1]),
        'expected [N, D] or [D]',
      ],
      [() => triplet.forward([x, x, Tensor.zeros([3])]), 'negative expected [2, 3], as anchor'],
      [() => triplet.forward([x, x, x], [1] as never), 'target expected none, got an array of 1'],
      [() => triplet.forward([Tensor.zeros([0, 3]), x, x]), 'anchor is empty, got [0, 3]'],
    ];
    for (const [act, message] of bad) expect(act).toThrow(message);
    expect(gaussian.backward().map(({ shape }) => shape)).toEqual([[2, 3], [2]]);
    expect(cosine.backward().length).toBe(2);
    expect(triplet.backward().length).toBe(3);
    expect(() => new CosineEmbeddingLoss({ margin: 2 })).toThrow('margin');
    expect(() => new GaussianNLLLoss({ eps: 0 })).toThrow('eps');
    expect(() => new TripletMarginLoss({ margin: 0 })).toThrow('margin');
    expect(() => new TripletMarginLoss({ p: 0 })).toThrow('TripletMarginLoss: p expected');
  });
});
