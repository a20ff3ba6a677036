/** Metrics of classes: all follow from the confusion matrix. */
import { checkInteger } from '../tensor/check.ts';
import { optionOf, optionsOf } from '../tensor/options.ts';
import { read } from '../tensor/reading.ts';
import type { Input } from '../tensor/tensor.ts';
import {
  type MetricWithOptions,
  type TalliedMetric,
  type TargetNumbers,
  targetsOf,
  withOptions,
} from './metricof.ts';
import { bestOf, layoutOf, startOf } from './metrics.ts';

export interface ClassOptions {
  /** The target of positions that do not count. Default −100, as `CrossEntropyLoss`. */
  ignoreIndex?: number;
  /** Of one output a sample: from which value on it is class 1. Default 0, for logits; 0.5 for probabilities. */
  threshold?: number;
}

const AVERAGES = ['binary', 'macro', 'micro', 'none'] as const;

/** How the values of classes become one. */
export type Average = (typeof AVERAGES)[number];

export interface AverageOptions extends ClassOptions {
  /**
   * 'binary': that of class 1, of two. 'macro': the mean over the classes that are predicted or targets. 'micro': of
   * the counts of all classes together. 'none': a list, one value a class. Default 'binary' for two classes, else
   * 'macro'.
   */
  average?: Average;
}

/** `AverageOptions` with which there is one value. */
export type OneValue = AverageOptions & { average?: Exclude<Average, 'none'> };
/** `AverageOptions` with which there is a value of each class. */
export type EachValue = AverageOptions & { average: 'none' };

/** A metric that is computed for each class. */
export interface ClassMetric extends TalliedMetric {
  /**
   * @param prediction scores [N, C] or [N, C, d…]; or [N] or [N, 1], one output for two classes
   * @param targets the classes
   */
  (prediction: Input, targets: TargetNumbers, options?: OneValue | undefined): number;
  (prediction: Input, targets: TargetNumbers, options: EachValue): number[];
  /** The metric with these options, for `fit` and `evaluate`. */
  with(options: OneValue): TalliedMetric;
  with(options: EachValue): TalliedMetric<number[]>;
}

/**
 * How often class t, in row t, was predicted as class p, in column p. A sample with NaN among its scores stands in
 * no column.
 *
 * ```ts
 * const counts = confusionMatrix(model.predict(x), targets); // [[5, 1], [0, 4]]
 * evaluate(model, test, loss, { metrics: { confusionMatrix } }).metrics.confusionMatrix;
 * ```
 *
 * The prediction has scores [N, C] or [N, C, d…], or one output a sample ([N] or [N, 1]) for two classes.
 *
 * @throws RangeError for targets that are no classes of the prediction, or are not as many
 */
export const confusionMatrix: MetricWithOptions<ClassOptions, number[][]> =
  /* @__PURE__ */ withOptions((rest: [ClassOptions?]) => {
    const options = optionsOf('confusionMatrix', rest, { ignoreIndex: -100, threshold: 0 });
    return {
      tally: (prediction, targets) => tallyOf('confusionMatrix', prediction, targets, options),
      result: (tally) => rowsOf(tally).map((row) => row.slice(0, -1)),
    };
  });

/**
 * The share of predictions of a class that are right: TP / (TP + FP); 0 if the class is never predicted.
 *
 * ```ts
 * precision(model.predict(x), targets, { average: 'none' }); // of each class
 * await fit(model, data, { loss, optimizer, validation, metrics: { precision } });
 * ```
 *
 * @throws RangeError for targets that are no classes of the prediction, or are not as many
 */
export const precision: ClassMetric = /* @__PURE__ */ averaged(
  'precision',
  ({ right, predicted }) => [right, predicted],
);

/**
 * The share of a class's samples that are found: TP / (TP + FN); 0 if the class has none.
 *
 * @throws RangeError for targets that are no classes of the prediction, or are not as many
 */
export const recall: ClassMetric = /* @__PURE__ */ averaged('recall', ({ right, actual }) => [
  right,
  actual,
]);

/**
 * The harmonic mean of precision and recall: 2·TP / (2·TP + FP + FN); 0 if a class is neither predicted nor a target.
 *
 * ```ts
 * const macro = f1Score.with({ average: 'macro' });
 * const { best } = await fit(model, data, { loss, optimizer, validation, metrics: { macro }, monitor: 'macro', mode: 'max' });
 * ```
 *
 * @throws RangeError for targets that are no classes of the prediction, or are not as many
 */
export const f1Score: ClassMetric = /* @__PURE__ */ averaged(
  'f1Score',
  ({ right, predicted, actual }) => [2 * right, predicted + actual],
);

/** The counts of a class, or of several. */
interface Counts {
  /** Samples of the class that are predicted as it (TP). */
  readonly right: number;
  /** Samples that are predicted as the class (TP + FP). */
  readonly predicted: number;
  /** Samples of the class (TP + FN). */
  readonly actual: number;
}

/** A metric that is a ratio of counts. */
function averaged(
  who: string,
  ratioOf: (counts: Counts) => readonly [number, number],
): ClassMetric {
  const value = (counts: Counts) => {
    const [part, whole] = ratioOf(counts);
    return whole > 0 ? part / whole : 0;
  };
  const metric = withOptions((rest: [AverageOptions?]) => {
    const options = optionsOf(who, rest, {
      average: undefined,
      ignoreIndex: -100,
      threshold: 0,
    });
    optionOf(who, 'average', options.average, AVERAGES);
    return {
      tally: (prediction, targets) => tallyOf(who, prediction, targets, options),
      result(tally) {
        const classes = countsOf(tally);
        const { average = classes.length === 2 ? 'binary' : 'macro' } = options;
        if (average === 'none') return classes.map(value);
        if (average === 'micro') return value(classes.reduce(plus));
        if (average === 'binary') {
          if (classes.length === 2) return value(classes[1]!);
          throw new RangeError(
            `${who}: average 'binary' expected 2 classes, got ${classes.length}: pass 'macro' or 'micro'`,
          );
        }
        const seen = classes.filter(({ predicted, actual }) => predicted + actual > 0);
        return seen.map(value).reduce((a, b) => a + b, 0) / seen.length;
      },
    };
  });
  return metric as unknown as ClassMetric;
}

function plus(a: Counts, b: Counts): Counts {
  return {
    right: a.right + b.right,
    predicted: a.predicted + b.predicted,
    actual: a.actual + b.actual,
  };
}

/** Counts [C, C + 1], row by row: of class t predicted as p, and in the last column as none. */
function tallyOf(
  who: string,
  prediction: Input,
  targets: TargetNumbers,
  { ignoreIndex, threshold }: Required<ClassOptions>,
): number[] {
  const { shape } = read(who, prediction);
  const single = shape.length === 1 || (shape.length === 2 && shape[1] === 1);
  const { count, classes, predicted } = single
    ? thresholded(who, prediction, threshold)
    : largest(who, prediction);
  const labels = targetsOf(who, targets, count);
  const tally = new Array<number>(classes * (classes + 1)).fill(0);
  for (let i = 0; i < count; i++) {
    const label = labels[i]!;
    if (label === ignoreIndex) continue;
    checkInteger(who, `targets[${i}]`, label, 0, classes - 1);
    tally[label * (classes + 1) + predicted(i)]!++;
  }
  return tally;
}

/** The class with the largest score; the number of classes if a score is NaN. */
function largest(who: string, prediction: Input) {
  const { values, count, classes, inner } = layoutOf(who, prediction);
  const predicted = (i: number) => {
    const best = bestOf(values, i, classes, inner);
    return Number.isNaN(values[startOf(i, classes, inner) + best * inner]) ? classes : best;
  };
  return { count, classes, predicted };
}

/** Class 1 from the threshold on; 2 for NaN. */
function thresholded(who: string, prediction: Input, threshold: number) {
  const { values } = read(who, prediction);
  const predicted = (i: number) => {
    const value = values[i]!;
    return Number.isNaN(value) ? 2 : value >= threshold ? 1 : 0;
  };
  return { count: values.length, classes: 2, predicted };
}

function rowsOf(tally: readonly number[]): number[][] {
  const classes = Math.floor(Math.sqrt(tally.length));
  return Array.from({ length: classes }, (_, t) =>
    tally.slice(t * (classes + 1), (t + 1) * (classes + 1)),
  );
}

function countsOf(tally: readonly number[]): Counts[] {
  const rows = rowsOf(tally);
  return rows.map((row, c) => ({
    right: row[c]!,
    predicted: rows.reduce((sum, other) => sum + other[c]!, 0),
    actual: row.reduce((sum, n) => sum + n, 0),
  }));
}
