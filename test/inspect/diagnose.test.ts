import { describe, expect, it } from 'vitest';
import {
  BatchNorm1d,
  CrossEntropyLoss,
  Linear,
  type Module,
  manualSeed,
  ReLU,
  Sequential,
  SGD,
  Sigmoid,
  Softmax,
  Tanh,
  Tensor,
} from '../../src/index.ts';
import { type Diagnosis, diagnose, type WatchReport, watch } from '../../src/inspect/index.ts';
import { TestRandom } from '../support/random.ts';

interface Run {
  steps?: number;
  lr?: number;
  n?: number;
  width?: number;
  data?: (random: TestRandom, size: number) => Float32Array;
}

/** Trains on two classes that the sign of the first feature tells apart, and diagnoses. */
function trial(model: Module, { steps = 3, lr = 0.05, n = 64, width = 8, data }: Run = {}) {
  const random = new TestRandom(2);
  const loss = new CrossEntropyLoss();
  const optimizer = new SGD(model.parameters(), { lr });
  using watcher = watch(model, { every: 1, loss, optimizer });
  for (let i = 0; i < steps; i++) {
    const x = data?.(random, n * width) ?? random.normals(n * width);
    const targets = Array.from({ length: n }, (_, row) => (x[row * width]! > 0 ? 1 : 0));
    loss.forward(model.forward(Tensor.from(x, [n, width])), targets);
    optimizer.zeroGrad();
    model.backward(loss.backward());
    optimizer.step();
  }
  return diagnose(watcher.report());
}

/** Linear layers with an activation after each but the last; `scale` multiplies the weights. */
function deep(
  layers: number,
  activation: () => Module,
  { scale = 1, norm = false, width = 8 } = {},
) {
  manualSeed(4);
  const parts: Module[] = [];
  for (let i = 0; i < layers; i++) {
    const linear = new Linear(width, i === layers - 1 ? 2 : width, { init: 'he' });
    linear.weight.assign({
      data: linear.weight.data.toArray().map((w) => w * scale),
      shape: linear.weight.shape,
    });
    parts.push(linear);
    if (i === layers - 1) break;
    if (norm) parts.push(new BatchNorm1d(width));
    parts.push(activation());
  }
  return new Sequential(...parts);
}

const relu = () => new ReLU();
const find = (found: Diagnosis[], what: Diagnosis['what']) =>
  found.find((one) => one.what === what);
const kinds = (found: Diagnosis[]) => found.map(({ what }) => what);

describe('diagnose', () => {
  it('finds nothing in networks that train well', () => {
    expect(trial(deep(3, relu), { steps: 60 })).toEqual([]);
    expect(trial(deep(4, relu, { norm: true }), { steps: 60 })).toEqual([]);
    expect(
      trial(
        deep(3, () => new Tanh(), { scale: 0.7 }),
        { steps: 60 },
      ),
    ).toEqual([]);
  });

  it('finds gradients that vanish, and not with batch norm', () => {
    const found = find(trial(deep(8, () => new Sigmoid())), 'vanishing-gradients')!;
    expect(found).toMatchObject({ where: '0', severity: 'warning', figures: { layers: 8 } });
    expect(found.figures.first! * 1000).toBeLessThan(found.figures.last!);
    expect(found.sentence).toMatch(/times smaller on its way from 14 to 0, 7 layers before it/);
    const normalized = trial(deep(8, () => new Sigmoid(), { norm: true }));
    expect(kinds(normalized)).not.toContain('vanishing-gradients');
  });

  it('finds gradients that explode, and activations that grow', () => {
    const found = trial(deep(8, relu, { scale: 4 }), { steps: 1, lr: 1e-9 });
    expect(find(found, 'exploding-gradients')).toMatchObject({ where: '0' });
    expect(find(found, 'activations-grow')).toMatchObject({ where: '12' });
    const normalized = trial(deep(8, relu, { scale: 4, norm: true }), { steps: 1, lr: 1e-9 });
    expect(kinds(normalized)).not.toContain('activations-grow');
  });

  it('finds activations that shrink', () => {
    const found = trial(deep(6, relu, { scale: 0.2 }), { steps: 1 });
    expect(find(found, 'activations-shrink')).toMatchObject({ where: '8' });
  });

  it('finds dead and saturated units', () => {
    const model = deep(2, relu);
    const bias = (model.at(0) as Linear).bias!;
    bias.assign({ data: Float32Array.of(-99, -99, -99, -99, -99, 0, 0, 0), shape: [8] });
    const found = find(trial(model), 'dead-units')!;
    expect(found).toMatchObject({ where: '1', severity: 'error', figures: { dead: 0.625 } });
    expect(found.sentence).toMatch(/^63 % of the 8 units of 1 \(ReLU\) are dead/);
    const saturated = trial(deep(2, () => new Tanh(), { scale: 20 }));
    expect(find(saturated, 'saturated-units')).toMatchObject({ where: '1', severity: 'error' });
  });

  it('finds a learning rate that is too high, by its updates, the loss or NaN', () => {
    const found = find(trial(deep(2, relu), { lr: 5 }), 'learning-rate-too-high')!;
    expect(found.figures.updateRatio).toBeGreaterThan(0.1);
    expect(found.advice).toMatch(/which is 5 now/);
    for (const [rise, expected] of [
      [1, undefined],
      [2, 'error'],
    ] as const) {
      const model = deep(2, relu);
      let step = 0;
      using watcher = watch(model, { every: 1, loss: () => (step++ < 3 ? 1 : rise) });
      for (let i = 0; i < 6; i++) {
        model.backward(model.forward(Tensor.from(new TestRandom(i).normals(8), [1, 8])).clone());
      }
      const rising = diagnose(watcher.report()).find(({ where }) => where === 'loss');
      expect(rising?.severity).toBe(expected);
      if (rising)
        expect(rising.sentence).toBe(
          'The loss rises: it was 1 up to step 2 and is 2 since step 5.',
        );
    }
    const lost = trial(deep(3, relu), { lr: 1e20, steps: 6 });
    expect(lost[0]).toMatchObject({ what: 'not-finite', severity: 'error' });
    expect(lost[0]!.sentence).toMatch(/A loss and an accuracy computed from them mean nothing/);
  });

  it('finds inputs that are not scaled, unless a layer normalizes them first', () => {
    const bytes = (random: TestRandom, size: number) =>
      random.uniforms(size, 0, 256).map((x) => Math.floor(x));
    const found = find(trial(deep(2, relu), { data: bytes, lr: 1e-5 }), 'inputs-not-scaled')!;
    expect(found.sentence).toMatch(
      /whole numbers from 0 to 255 with a mean of 1[23]0, as bytes are/,
    );
    expect(found.advice).toMatch(/Divide them by 255/);
    const normalized = new Sequential(
      new BatchNorm1d(8),
      ...deep(2, relu)
        .children()
        .map(([, l]) => l),
    );
    expect(kinds(trial(normalized, { data: bytes }))).not.toContain('inputs-not-scaled');
    const far = trial(deep(2, relu), { data: (r, size) => r.normals(size, 50, 1), lr: 1e-5 });
    expect(find(far, 'inputs-not-scaled')!.sentence).toMatch(/mean of 50/);
    const uneven = (random: TestRandom, size: number) =>
      random.normals(size).map((x, i) => (i % 8 === 3 ? x * 0.001 : x));
    expect(find(trial(deep(2, relu), { data: uneven }), 'inputs-not-scaled')!.sentence).toMatch(
      /standard deviations of the features go from 0.00\d+ to 1.1/,
    );
  });

  it('finds a softmax before the cross-entropy', () => {
    const parts = deep(2, relu)
      .children()
      .map(([, layer]) => layer);
    const found = trial(new Sequential(...parts, new Softmax()));
    expect(find(found, 'softmax-before-cross-entropy')).toMatchObject({
      severity: 'error',
      where: 'output',
    });
  });

  it('finds running statistics that lag, and batches that are too small', () => {
    const slow = new Sequential(new BatchNorm1d(8, { momentum: 0.001 }), new Linear(8, 2));
    const data = (random: TestRandom, size: number) => random.normals(size, 2, 3);
    const found = find(trial(slow, { steps: 60, data }), 'statistics-lag')!;
    expect(found).toMatchObject({ where: '0', figures: { layers: 1 } });
    expect(found.advice).toMatch(/recomputeStatistics/);
    const usual = new Sequential(new BatchNorm1d(8), new Linear(8, 2));
    expect(trial(usual, { steps: 60, data })).toEqual([]);
    const small = find(trial(deep(3, relu, { norm: true }), { n: 4 }), 'small-batch')!;
    expect(small.figures).toMatchObject({ samples: 4, values: 4, layers: 2 });
    expect(small.sentence).toMatch(
      /^The batch statistics of 1 and 1 other batch norm come from 4 samples, 4 values a channel/,
    );
  });

  it('puts the worst first, and gives plain data', () => {
    const model = new Sequential(
      ...deep(8, () => new Sigmoid(), { norm: false })
        .children()
        .map(([, l]) => l),
      new Softmax(),
    );
    const found = trial(model, { n: 40 });
    const ranks = found.map(({ severity }) => ['error', 'warning', 'hint'].indexOf(severity));
    expect(found.length).toBeGreaterThan(1);
    expect(ranks).toEqual([...ranks].sort());
    expect(structuredClone(found)).toEqual(found);
  });

  it('takes an empty report, and refuses what is none', () => {
    using watcher = watch(deep(2, relu));
    expect(diagnose(watcher.report())).toEqual([]);
    expect(() => diagnose({} as WatchReport)).toThrow(/diagnose: expected what watcher.report\(\)/);
  });
});
