/** What metrics refuse and how they treat NaN and ignored places; their values are held to scikit-learn's. */
import { describe, expect, it } from 'vitest';
import {
  accuracy,
  binaryAccuracy,
  confusionMatrix,
  evaluate,
  f1Score,
  MSELoss,
  meanAbsoluteError,
  metricOf,
  precision,
  r2Score,
  recall,
  Sequential,
  Tensor,
  topKAccuracy,
} from '../../src/index.ts';

const { NaN: nan } = Number;
const scores = Tensor.from([
  [3, 1, 0],
  [0, 2, 2],
  [nan, 0, 1],
  [1, 0, 5],
]);

describe('metrics of classes', () => {
  it('count a sample with NaN as found by nobody', () => {
    const targets = [0, 1, 0, 2];
    expect(confusionMatrix(scores, targets)).toEqual([
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ]);
    expect(recall(scores, targets, { average: 'none' })).toEqual([0.5, 1, 1]);
    expect(precision(scores, targets, { average: 'none' })).toEqual([1, 1, 1]);
    expect(recall(scores, targets, { average: 'micro' })).toBe(accuracy(scores, targets));
    expect(topKAccuracy(scores, targets, { k: 3 })).toBe(0.75);
    expect(confusionMatrix(Tensor.from([1, nan, -1]), [1, 1, 1])).toEqual([
      [0, 0],
      [1, 1],
    ]);
  });

  it('leave out what is ignored, and take places and one-hot axes', () => {
    const x = Tensor.from([1, 0, 0, 1, 0, 2], [1, 3, 2]); // two places of three classes
    expect(confusionMatrix(x, [0, 2])).toEqual([
      [1, 0, 0],
      [0, 0, 0],
      [0, 0, 1],
    ]);
    expect(f1Score(x, [0, 7], { ignoreIndex: 7 })).toBe(1);
    expect(topKAccuracy(x, [-100, 1], { k: 1 })).toBe(0);
    expect(f1Score(x, [7, 7], { ignoreIndex: 7 })).toBeNaN();
    expect(precision(x, { data: [0, 2], shape: [1, 2] })).toBe(1);
  });

  it('take the first of equal scores', () => {
    expect(topKAccuracy(scores, [0, 1, 1, 2], { k: 1 })).toBe(0.75);
    const [a, b] = [1, 2].map((label) => topKAccuracy(Tensor.from([[0, 2, 2]]), [label], { k: 1 }));
    expect([a, b]).toEqual([1, 0]);
  });

  it('with options is the call with them', () => {
    const x = Tensor.from([
      [1, 0],
      [0, 1],
      [1, 0],
    ]); // prettier-ignore
    const none = f1Score.with({ average: 'none' });
    expect(none(x, [0, 0, 0])).toEqual(f1Score(x, [0, 0, 0], { average: 'none' }));
    expect(f1Score(x, [0, 0, 0])).toBe(0); // of class 1
    expect(f1Score(x, [0, 0, 0], { average: 'macro' })).toBe(0.4);
  });

  it.each([
    [() => precision(scores, [0, 1, 2]), 'precision: expected 4 targets, got 3'],
    [
      () => recall(scores, [0, 1, 3, 0]),
      'recall: targets[2] expected a whole number from 0 to 2, got 3',
    ],
    [
      () => f1Score(scores, [0, 1, 0.5, 0]),
      'f1Score: targets[2] expected a whole number ≥ 0, got 0.5',
    ],
    [
      () => f1Score(scores, [0, 0, 0, 0], { average: 'binary' }),
      `average 'binary' expected 2 classes, got 3`,
    ],
    [
      () => f1Score.with({ average: 'mean' as never }),
      `average expected 'binary' or 'macro' or 'micro' or 'none'`,
    ],
    [() => f1Score(scores, [0, 0, 0, 0], { averages: 'none' } as never), 'did you mean average?'],
    [() => topKAccuracy(scores, [0, 0, 0, 0]), 'k expected a whole number from 1 to 3, got 5'],
    [() => topKAccuracy.with({ k: 0 }), 'topKAccuracy: k expected a whole number ≥ 1, got 0'],
    [
      () => binaryAccuracy(Tensor.from([1, 2]), [1, 2]),
      'targets[1] expected a whole number from 0 to 1, got 2',
    ],
    [
      () => confusionMatrix('x' as never, [1]),
      'confusionMatrix: expected a Tensor or { data, shape }',
    ],
    [() => confusionMatrix(scores, 'abcd' as never), 'confusionMatrix: targets expected numbers'],
    [() => meanAbsoluteError(scores, [1]), 'meanAbsoluteError: expected 12 targets, got 1'],
    [() => r2Score(Tensor.from([1]), [1], { k: 1 } as never), 'r2Score: unknown option k'],
    [
      () => metricOf({ tally: () => [1] } as never),
      'metricOf: result expected a function, got undefined',
    ],
    [() => metricOf(7 as never), 'metricOf: expected { tally, result }, got the number 7'],
  ])('%s', (action, message) => {
    expect(action).toThrow(message);
  });
});

describe('metrics of values', () => {
  it('are NaN where they have no meaning, and where a prediction is NaN', () => {
    expect(r2Score(Tensor.from([1]), [1])).toBeNaN();
    expect(r2Score(Tensor.from([1, nan]), [1, 2])).toBeNaN();
    expect(r2Score(Tensor.from([1, nan]), [2, 2])).toBeNaN();
    expect(meanAbsoluteError(Tensor.from([1, nan]), [1, 2])).toBeNaN();
    expect(binaryAccuracy(Tensor.from([1, nan, -1, nan]), [1, 0, 0, 1])).toBe(0.5);
  });

  it('of your own count over all samples', () => {
    const rmse = metricOf({
      tally(prediction: Tensor, { data }: { data: Float32Array }) {
        const errors = Array.from(prediction.toArray(), (y, i) => (y - data[i]!) ** 2);
        return [errors.reduce((a, b) => a + b), errors.length];
      },
      result: ([sum, count]) => Math.sqrt(sum! / count!),
    });
    const inputs = Tensor.from([1, 2, 3, 4, 5], [5, 1]);
    const data = { inputs, targets: Tensor.from([1, 2, 3, 4, 9], [5, 1]) };
    const options = { batchSize: 2, metrics: { rmse } };
    const found = evaluate(new Sequential(), data, new MSELoss(), options);
    expect(found.metrics.rmse).toBeCloseTo(Math.sqrt(16 / 5), 12);
    expect(found.loss).toBeCloseTo(16 / 5, 6);
  });
});
