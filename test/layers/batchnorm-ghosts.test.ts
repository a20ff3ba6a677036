/** Ghost batches: each part of the batch as a plain batch norm would have it. */
import { describe, expect, it } from 'vitest';
import {
  Adam,
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  type BatchNormOptions,
  CrossEntropyLoss,
  fit,
  Linear,
  ReLU,
  recomputeStatistics,
  Sequential,
} from '../../src/index.ts';
import { expectClose } from '../support/close.ts';
import { TestRandom } from '../support/random.ts';

const LAYERS = { 2: BatchNorm1d, 3: BatchNorm1d, 4: BatchNorm2d, 5: BatchNorm3d } as const;
const CLOSE = { scaled: 2e-6, atol: 1e-6 };

const rand = new TestRandom(41);

function layerFor(shape: number[], options: BatchNormOptions) {
  const c = options.channelsLast ? shape.at(-1)! : shape[1]!;
  const bn = new LAYERS[shape.length as 2 | 3 | 4 | 5](c, options);
  const seeded = new TestRandom(c);
  bn.weight?.assign({ data: seeded.normals(c, 1), shape: [c] });
  bn.bias?.assign({ data: seeded.normals(c), shape: [c] });
  return bn;
}

/** Samples of each ghost of a batch of 14 with virtualBatchSize 4. */
const GHOSTS = { alone: [4, 4, 4, 2], join: [4, 4, 6] } as const;

describe('virtualBatchSize', () => {
  for (const shape of [
    [14, 5, 3],
    [14, 1, 4],
    [14, 7, 2, 2],
    [14, 3, 1, 2, 2],
  ]) {
    for (const channelsLast of [false, true]) {
      for (const virtualBatchRest of ['alone', 'join'] as const) {
        it(`[${shape}]${channelsLast ? ', channels last' : ''}, ${virtualBatchRest}: as plain batches in turn`, () => {
          const size = shape.reduce((a, b) => a * b);
          const sample = size / 14;
          const x = rand.normals(size, 2, 3);
          const dy = rand.normals(size);
          const options = { channelsLast, momentum: 0.3 };
          using ghosts = layerFor(shape, { ...options, virtualBatchSize: 4, virtualBatchRest });
          using plain = layerFor(shape, options);
          for (const relu of [false, true]) {
            const model = relu ? new Sequential(ghosts, new ReLU()) : new Sequential(ghosts);
            const peer = relu ? new Sequential(plain, new ReLU()) : new Sequential(plain);
            for (const parameter of [...ghosts.parameters(), ...plain.parameters()])
              parameter.zeroGrad();
            const y = model.forward({ data: x, shape }).toArray();
            const dx = model.backward({ data: dy, shape }).toArray();
            let from = 0;
            for (const samples of GHOSTS[virtualBatchRest]) {
              const to = from + samples;
              const part = {
                shape: [samples, ...shape.slice(1)],
                data: x.slice(from * sample, to * sample),
              };
              expect(peer.forward(part).toArray()).toEqual(y.slice(from * sample, to * sample));
              const upstream = { ...part, data: dy.slice(from * sample, to * sample) };
              expect(peer.backward(upstream).toArray()).toEqual(
                dx.slice(from * sample, to * sample),
              );
              from = to;
            }
            expectClose(ghosts.weight!.grad!.toArray(), plain.weight!.grad!.toArray(), CLOSE, 'dγ');
            expectClose(ghosts.bias!.grad!.toArray(), plain.bias!.grad!.toArray(), CLOSE, 'dβ');
            expect(ghosts.stateDict()).toEqual(plain.stateDict());
          }
          expect(inferred(ghosts, shape, x)).toEqual(inferred(plain, shape, x));
        });
      }
    }
  }

  /** Inference knows no ghosts. */
  function inferred(
    bn: BatchNorm1d | BatchNorm2d | BatchNorm3d,
    shape: number[],
    data: Float32Array,
  ) {
    return bn.predict({ shape, data }).toArray();
  }

  it('whole ghosts need no word on the rest; a batch smaller than one is the rest', () => {
    using bn = new BatchNorm1d(2, { virtualBatchSize: 4 });
    expect(bn.forward({ data: rand.normals(16), shape: [8, 2] }).shape).toEqual([8, 2]);
    expect(bn.numBatchesTracked!.value).toBe(2);
    const state = bn.stateDict();
    expect(() => bn.forward({ data: rand.normals(20), shape: [10, 2] })).toThrow(
      new RangeError(
        'BatchNorm1d(2): batch expected to fill ghosts of virtualBatchSize 4, got [10, 2], which leaves ' +
          "2: pass virtualBatchRest: 'alone' (a smaller ghost) or 'join' (in the last one)",
      ),
    );
    expect(() => bn.forward({ data: rand.normals(6), shape: [3, 2] })).toThrow(/leaves 3/);
    expect(bn.stateDict()).toEqual(state);
    expect(bn.predict({ data: rand.normals(6), shape: [3, 2] }).shape).toEqual([3, 2]);
    for (const virtualBatchRest of ['alone', 'join'] as const) {
      using small = new BatchNorm1d(2, { virtualBatchSize: 4, virtualBatchRest });
      small.forward({ data: rand.normals(6), shape: [3, 2] });
      expect(small.numBatchesTracked!.value).toBe(1);
    }
  });

  it('fit refuses what the last batch would leave over, before it starts', async () => {
    using model = new Sequential(
      new Linear(2, 3, { bias: false }),
      new BatchNorm1d(3, { virtualBatchSize: 8 }),
      new ReLU(),
      new Linear(3, 2),
    );
    using optimizer = new Adam(model.parameters());
    const data = {
      inputs: { data: rand.normals(84), shape: [42, 2] },
      targets: new Uint8Array(42),
    };
    const options = { loss: new CrossEntropyLoss(), optimizer, batchSize: 16 };
    await expect(fit(model, data, options).next()).rejects.toThrow(
      /the last batch would have 10 of 42/,
    );
    for await (const { steps } of fit(model, data, { ...options, dropLast: true }))
      expect(steps).toBe(2);
  });

  it('leaves frozen statistics and those of a population whole', () => {
    using bn = new BatchNorm1d(2, { virtualBatchSize: 4 });
    using plain = new BatchNorm1d(2);
    const x = { data: rand.normals(20), shape: [10, 2] };
    expect(recomputeStatistics(bn, x)).toBe(10);
    recomputeStatistics(plain, x);
    expect(bn.stateDict()).toEqual(plain.stateDict());
    bn.frozenStatistics = plain.frozenStatistics = true;
    expect(bn.forward(x).toArray()).toEqual(plain.forward(x).toArray());
  });

  it('leaves the batch whole in evaluation without running statistics', () => {
    using bn = new BatchNorm1d(2, { virtualBatchSize: 4, trackRunningStats: false });
    using plain = new BatchNorm1d(2, { trackRunningStats: false });
    const x = { data: rand.normals(20), shape: [10, 2] };
    const dy = { data: rand.normals(20), shape: [10, 2] };
    expect(bn.predict(x).toArray()).toEqual(plain.predict(x).toArray());
    expect(bn.eval().forward(x).toArray()).toEqual(plain.eval().forward(x).toArray());
    expect(bn.backward(dy).toArray()).toEqual(plain.backward(dy).toArray());
  });

  it('says what is wrong with its options', () => {
    const make = (options: object) => () => new BatchNorm1d(3, options);
    for (const virtualBatchSize of [1, 0, -4, 2.5, Number.NaN]) {
      expect(make({ virtualBatchSize })).toThrow(
        new RangeError(
          `BatchNorm1d(3): virtualBatchSize expected a whole number ≥ 2, got ${virtualBatchSize}`,
        ),
      );
    }
    expect(make({ virtualBatchSize: '4' })).toThrow(TypeError);
    expect(make({ virtualBatchSize: 4, virtualBatchRest: 'drop' })).toThrow(
      new TypeError(
        "BatchNorm1d(3): virtualBatchRest expected 'refuse' or 'alone' or 'join', got the string drop",
      ),
    );
    using bn = new BatchNorm1d(3, { virtualBatchSize: 2, virtualBatchRest: 'alone' });
    expect(() => bn.forward({ data: rand.normals(9), shape: [3, 3] })).toThrow(
      /more than one value a channel, got 1 in a ghost of \[3, 3\]/,
    );
  });
});
