import { describe, expect, it } from 'vitest';
import { MinMaxScaler, StandardScaler } from '../../src/data/index.ts';
import {
  Linear,
  MSELoss,
  manualSeed,
  Normalization,
  Sequential,
  SGD,
  Tensor,
} from '../../src/index.ts';
import { loadSafetensors, saveSafetensors } from '../../src/state/index.ts';
import { expectClose } from '../support/close.ts';
import { readGoldens } from '../support/goldens.ts';
import { TestRandom } from '../support/random.ts';

const ROUNDED = { rtol: 3e-7, atol: 3e-7 };

describe('Normalization', () => {
  const random = new TestRandom(6);
  const shapes = [
    [2, 1],
    [1, 5],
    [37, 3],
    [9, 17],
    [5, 3, 7],
    [4, 5, 3, 3],
    [3, 2, 1, 1],
    [2, 3, 2, 3, 5],
  ];

  it.each(shapes.map((shape) => ({ shape })))(
    'does what the scaler does, and back, on $shape',
    ({ shape }) => {
      const size = shape.reduce((a, b) => a * b);
      for (const axis of [1, -1]) {
        const channelsLast = axis === -1;
        const x = { data: random.normals(size, 30, 5), shape };
        for (const scaler of [
          new StandardScaler({ axis }),
          new MinMaxScaler({ axis, range: [-2, 3] }),
        ]) {
          const expected = scaler.fitTransform(x);
          using layer = new Normalization(scaler, { channelsLast });
          const y = layer.forward(x);
          expect(y.shape).toEqual(shape);
          expectClose(y.toArray(), expected.toArray(), ROUNDED, 'y');
          expect(layer.predict(x).toArray()).toEqual(y.toArray());
          const dy = Tensor.from(random.normals(size), shape);
          const { factor } = scaler.affine();
          const s = channelsLast ? 1 : size / shape[0]! / shape[1]!;
          const slopes = dy.toArray().map((g, i) => g * factor[Math.floor(i / s) % factor.length]!);
          expectClose(layer.backward(dy).toArray(), slopes, { rtol: 2e-7 }, 'dx');

          using inverse = new Normalization(scaler, { channelsLast, invert: true });
          const back = inverse.forward(expected).toArray();
          expectClose(
            back,
            scaler.inverse(expected).toArray(),
            { rtol: 3e-7, scaled: 2e-7 },
            'back',
          );
          const unslopes = dy
            .toArray()
            .map((g, i) => g / factor[Math.floor(i / s) % factor.length]!);
          expectClose(inverse.backward(dy).toArray(), unslopes, { rtol: 2e-7 }, 'dx back');
        }
      }
    },
  );

  it('keeps float32 inputs far from 0 apart', () => {
    // Neighbours of float32 at 1e7 lie 1 apart; their mean is no float32.
    const data = Float32Array.from({ length: 64 }, (_, i) => 1e7 + (i % 4));
    const scaler = new StandardScaler();
    const expected = scaler.fitTransform({ data, shape: [64, 1] });
    using layer = new Normalization(scaler);
    expectClose(layer.forward({ data, shape: [64, 1] }).toArray(), expected.toArray(), ROUNDED);
  });

  it('has its numbers in the model’s state, and none to train', () => {
    const scaler = new StandardScaler().fit({ data: random.normals(30), shape: [10, 3] });
    using model = new Sequential(new Normalization(scaler), new Linear(3, 2));
    expect(Object.keys(model.stateDict()).slice(0, 3)).toEqual(['0.shift', '0.scale', '0.offset']);
    expect(model.namedParameters().map(([name]) => name)).toEqual(['1.weight', '1.bias']);
    using other = new Sequential(new Normalization(3), new Linear(3, 2));
    const x = { data: random.normals(6), shape: [2, 3] };
    expect(other.at(0).forward(x).toArray()).toEqual(x.data); // the identity
    other.loadStateDict(loadSafetensors(saveSafetensors(model.stateDict())).tensors);
    expect(other.predict(x).toArray()).toEqual(model.predict(x).toArray());
  });

  it('gives a sample the same bits alone and in a batch', () => {
    const scaler = new StandardScaler().fit({ data: random.normals(700, 4), shape: [100, 7] });
    using layer = new Normalization(scaler);
    const data = random.normals(700, 4);
    const whole = layer.predict({ data, shape: [100, 7] }).toArray();
    for (const row of [0, 1, 50, 99]) {
      const alone = { data: data.slice(row * 7, row * 7 + 7), shape: [1, 7] };
      expect(layer.predict(alone).toArray()).toEqual(whole.slice(row * 7, row * 7 + 7));
    }
  });

  it('lets a network train on raw inputs and raw targets', () => {
    manualSeed(1);
    const { x } = readGoldens('tables').find(({ name }) => name === 'diabetes')!;
    const [n, width] = x.shape;
    // The last column from the others.
    const inputs = { data: x.data.filter((_: number, i: number) => i % width < 9), shape: [n, 9] };
    const targets = {
      data: x.data.filter((_: number, i: number) => i % width === 9),
      shape: [n, 1],
    };
    const scaled = new StandardScaler().fitTransform(targets);
    using core = new Sequential(
      new Normalization(new StandardScaler().fit(inputs)),
      new Linear(9, 1),
    );
    using loss = new MSELoss();
    using optimizer = new SGD(core.parameters(), { lr: 0.1 });
    let value = 0;
    for (let step = 0; step < 100; step++) {
      value = loss.forward(core.forward(inputs), scaled);
      optimizer.zeroGrad();
      core.backward(loss.backward());
      optimizer.step();
    }
    expect(value).toBeLessThan(0.75); // of the variance; 1 is a guess of the mean
    const unit = new Normalization(new StandardScaler().fit(targets), { invert: true });
    const predicted = new Sequential(core, unit).predict(inputs).toArray();
    const off = predicted.map((p, i) => p - targets.data[i]);
    const { variance } = new StandardScaler().fit(targets);
    const squares = off.reduce((sum, d) => sum + d * d, 0) / n;
    expect(squares / variance[0]!).toBeCloseTo(value, 2);
  });

  it('says what is wrong', () => {
    const scaler = new StandardScaler().fit({ data: random.normals(30), shape: [10, 3] });
    using layer = new Normalization(scaler);
    expect(() => layer.forward(Tensor.zeros([2, 4]))).toThrow(
      new RangeError('Normalization(3): input expected [N, 3, …], got [2, 4]'),
    );
    expect(() => layer.forward(Tensor.zeros([3]))).toThrow(RangeError);
    using last = new Normalization(scaler, { channelsLast: true });
    expect(() => last.forward(Tensor.zeros([2, 3, 4]))).toThrow(
      new RangeError('Normalization(3): input expected [N, …, 3], got [2, 3, 4]'),
    );
    expect(() => new Normalization(0)).toThrow(RangeError);
    expect(() => new Normalization(new StandardScaler())).toThrow(
      'StandardScaler.affine: expected statistics, got none yet',
    );
    const before = layer.stateDict();
    const wide = new StandardScaler().fit(Tensor.zeros([1, 4]));
    expect(() => layer.set(wide)).toThrow(
      new RangeError('Normalization(3): scaler expected with 3 features, got 4'),
    );
    expect(layer.stateDict()).toEqual(before);
  });
});
