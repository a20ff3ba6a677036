/** Losses in float64: value and gradient. Sums; a mean is the caller's division. */
import { forRows, logSoftmax } from './softmax.ts';

export interface LossResult {
  loss: number;
  gradient: Float64Array;
}

type Dims = readonly [number, number, number];
type Numbers = ArrayLike<number>;

/** L = Σ a_k·(−ln p_k) and (Σ a)·p − a, for masses a shaped as the logits. */
function crossEntropyOfMass(x: Numbers, mass: Numbers, dims: Dims): LossResult {
  const logs = logSoftmax(x, dims);
  const gradient = new Float64Array(x.length);
  let loss = 0;
  forRows(dims, (row) => {
    const total = row.reduce((sum, i) => sum + mass[i]!, 0);
    for (const i of row) {
      if (mass[i]) loss -= mass[i]! * logs[i]!;
      gradient[i] = total * Math.exp(logs[i]!) - mass[i]!;
    }
  });
  return { loss, gradient };
}

/** Of classes: `weightSum` is what the mean divides by. */
export function crossEntropy(
  x: Numbers,
  labels: Numbers,
  dims: Dims,
  { weight, smoothing = 0, ignoreIndex = -100 }: ClassOptions = {},
): LossResult & { weightSum: number } {
  const [, c, inner] = dims;
  const mass = new Float64Array(x.length);
  let weightSum = 0;
  let position = 0;
  forRows([dims[0], c, inner], (row) => {
    const label = labels[position++]!;
    if (label === ignoreIndex) return;
    for (const [k, i] of row.entries()) {
      const w = weight ? weight[k]! : 1;
      mass[i] = ((k === label ? 1 - smoothing : 0) + smoothing / c) * w;
    }
    weightSum += weight ? weight[label]! : 1;
  });
  return { ...crossEntropyOfMass(x, mass, dims), weightSum };
}

export interface ClassOptions {
  weight?: Numbers;
  smoothing?: number;
  ignoreIndex?: number;
}

/** Of probabilities. */
export function crossEntropySoft(
  x: Numbers,
  t: Numbers,
  dims: Dims,
  { weight, smoothing = 0 }: ClassOptions = {},
): LossResult {
  const [, c, inner] = dims;
  const mass = Float64Array.from(t, (p, i) => {
    const w = weight ? weight[Math.floor(i / inner) % c]! : 1;
    return w * ((1 - smoothing) * p + smoothing / c);
  });
  return crossEntropyOfMass(x, mass, dims);
}

/** The losses that are sums over elements: [L(x, t), ∂L/∂x]. */
export type Term = (x: number, t: number, column: number) => [number, number];

export const mse: Term = (x, t) => [(x - t) ** 2, 2 * (x - t)];

export const l1: Term = (x, t) => [Math.abs(x - t), Math.sign(x - t)];

export const huber =
  (delta: number): Term =>
  (x, t) => {
    const d = x - t;
    return Math.abs(d) < delta
      ? [(d * d) / 2, d]
      : [delta * (Math.abs(d) - delta / 2), delta * Math.sign(d)];
  };

export const bceWithLogits =
  (weight?: Numbers, positiveWeight?: Numbers): Term =>
  (x, t, column) => {
    const w = weight ? weight[column]! : 1;
    const rho = positiveWeight ? positiveWeight[column]! : 1;
    const softplus = (v: number): number => Math.log1p(Math.exp(-Math.abs(v))) + Math.max(v, 0);
    const sigma = x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
    return [
      w * (rho * t * softplus(-x) + (1 - t) * softplus(x)),
      w * ((1 - t) * sigma - rho * t * (1 - sigma)),
    ];
  };

export const klDiv =
  (logTarget: boolean): Term =>
  (x, t) =>
    logTarget
      ? [Math.exp(t) * (t - x), -Math.exp(t)]
      : [(t === 0 ? 0 : t * Math.log(t)) - t * x, -t];

/** Σ of a term over x [rows, n], and its gradient. */
export function elementwise(x: Numbers, t: Numbers, term: Term, n = x.length): LossResult {
  const gradient = new Float64Array(x.length);
  let loss = 0;
  for (let i = 0; i < x.length; i++) {
    const [value, slope] = term(x[i]!, t[i]!, i % n);
    loss += value;
    gradient[i] = slope;
  }
  return { loss, gradient };
}
