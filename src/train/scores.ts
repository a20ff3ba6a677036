/** Metrics that are a mean over samples or outputs, and the coefficient of determination. */
import { checkInteger } from '../tensor/check.ts';
import { optionsOf } from '../tensor/options.ts';
import { read } from '../tensor/reading.ts';
import { sizeOf } from '../tensor/shape.ts';
import { type MetricWithOptions, targetsOf, withOptions } from './metricof.ts';
import { layoutOf, startOf } from './metrics.ts';

export interface TopKOptions {
  /** How many of the largest scores count. Default 5. */
  k?: number;
  /** The target of positions that do not count. Default −100, as `CrossEntropyLoss`. */
  ignoreIndex?: number;
}

export interface ThresholdOptions {
  /** From which value on a prediction is 1. Default 0, for logits; 0.5 for probabilities. */
  threshold?: number;
}

/** No options. */
export type NoOptions = Record<never, never>;

const quotient = ([sum, count]: readonly number[]) => sum! / count!;

/**
 * The fraction of samples whose target is among the k largest scores. Of equal scores the first count; a sample with
 * NaN among its scores is wrong.
 *
 * ```ts
 * topKAccuracy(model.predict(x), targets, { k: 3 });
 * await fit(model, data, { loss, optimizer, metrics: { top3: topKAccuracy.with({ k: 3 }) } });
 * ```
 *
 * The prediction has scores [N, C] or [N, C, d…], the targets are the classes.
 *
 * @throws RangeError for k above the number of classes, and for targets that are no classes or are not as many
 */
export const topKAccuracy: MetricWithOptions<TopKOptions> = /* @__PURE__ */ withOptions(
  (rest: [TopKOptions?]) => {
    const who = 'topKAccuracy';
    const { k, ignoreIndex } = optionsOf(who, rest, { k: 5, ignoreIndex: -100 });
    checkInteger(who, 'k', k);
    return {
      tally(prediction, targets) {
        const { values, count, classes, inner } = layoutOf(who, prediction);
        checkInteger(who, 'k', k, 1, classes);
        const labels = targetsOf(who, targets, count);
        let [right, counted] = [0, 0];
        for (let i = 0; i < count; i++) {
          const label = labels[i]!;
          if (label === ignoreIndex) continue;
          checkInteger(who, `targets[${i}]`, label, 0, classes - 1);
          counted++;
          const start = startOf(i, classes, inner);
          const own = values[start + label * inner]!;
          let before = 0;
          for (let c = 0; c < classes; c++) {
            const score = values[start + c * inner]!;
            if (Number.isNaN(score)) before = classes;
            else if (score > own || (score === own && c < label)) before++;
          }
          if (before < k) right++;
        }
        return [right, counted];
      },
      result: quotient,
    };
  },
);

/**
 * The fraction of outputs on the right side of the threshold: (1/n)·Σ [(yᵢ ≥ threshold) = targetᵢ]. NaN is wrong.
 *
 * ```ts
 * binaryAccuracy(model.predict(x), targets);                     // after BCEWithLogitsLoss
 * binaryAccuracy(model.predict(x), targets, { threshold: 0.5 }); // after BCELoss
 * ```
 *
 * The prediction has any shape, with several labels a sample too; the targets are as many zeros and ones.
 *
 * @throws RangeError for targets other than 0 and 1, or if there are not as many as predictions
 */
export const binaryAccuracy: MetricWithOptions<ThresholdOptions> = /* @__PURE__ */ withOptions(
  (rest: [ThresholdOptions?]) => {
    const who = 'binaryAccuracy';
    const { threshold } = optionsOf(who, rest, { threshold: 0 });
    return {
      tally(prediction, targets) {
        const { values } = read(who, prediction);
        const labels = targetsOf(who, targets, values.length);
        let right = 0;
        for (let i = 0; i < values.length; i++) {
          const label = labels[i]!;
          checkInteger(who, `targets[${i}]`, label, 0, 1);
          const value = values[i]!;
          if (label === 1 ? value >= threshold : value < threshold) right++;
        }
        return [right, values.length];
      },
      result: quotient,
    };
  },
);

/**
 * MAE = (1/n)·Σ |yᵢ − targetᵢ| over all outputs.
 *
 * @throws RangeError if there are not as many targets as predictions
 */
export const meanAbsoluteError: MetricWithOptions<NoOptions> = /* @__PURE__ */ withOptions(
  (rest: [NoOptions?]) => {
    const who = 'meanAbsoluteError';
    optionsOf(who, rest, {});
    return {
      tally(prediction, targets) {
        const { values } = read(who, prediction);
        const wanted = targetsOf(who, targets, values.length);
        let sum = 0;
        for (let i = 0; i < values.length; i++) sum += Math.abs(values[i]! - wanted[i]!);
        return [sum, values.length];
      },
      result: quotient,
    };
  },
);

/** Below this part of Σt², n times the variance of targets t is rounding: they are constant. */
const CONSTANT = 1e-10;

/**
 * The coefficient of determination R² = 1 − Σ (targetᵢ − yᵢ)² / Σ (targetᵢ − mean target)², the mean of that of all
 * outputs. 1 is perfect, 0 is as good as the mean. If the targets are constant it is 1 for perfect predictions, and
 * else 0, as scikit-learn's `r2_score`. NaN for fewer than two samples.
 *
 * The prediction has the shape [N, …], and there are as many targets. Targets with a standard deviation below 10⁻⁵ of
 * their mean count as constant.
 *
 * @throws RangeError if there are not as many targets as predictions
 */
export const r2Score: MetricWithOptions<NoOptions> = /* @__PURE__ */ withOptions(
  (rest: [NoOptions?]) => {
    const who = 'r2Score';
    optionsOf(who, rest, {});
    return {
      /** Samples; then of each output Σt, Σt² and Σ(t − y)². */
      tally(prediction, targets) {
        const { shape, values } = read(who, prediction);
        const outputs = sizeOf(shape.slice(1));
        const wanted = targetsOf(who, targets, values.length);
        const tally = new Array<number>(1 + 3 * outputs).fill(0);
        tally[0] = values.length / outputs;
        for (let i = 0; i < values.length; i++) {
          const t = wanted[i]!;
          const at = 1 + 3 * (i % outputs);
          tally[at]! += t;
          tally[at + 1]! += t * t;
          tally[at + 2]! += (t - values[i]!) * (t - values[i]!);
        }
        return tally;
      },
      result([samples = 0, ...sums]) {
        if (samples < 2) return Number.NaN;
        let total = 0;
        for (let at = 0; at < sums.length; at += 3) {
          const [sum, squares, residual] = sums.slice(at, at + 3) as [number, number, number];
          const spread = squares - (sum * sum) / samples;
          if (spread > CONSTANT * squares) total += 1 - residual / spread;
          else if (!(residual > 0)) total += residual === 0 ? 1 : Number.NaN;
        }
        return (3 * total) / sums.length;
      },
    };
  },
);
