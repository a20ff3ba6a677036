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

export const smoothL1 =
  (beta: number): Term =>
  (x, t) => {
    const d = x - t;
    return Math.abs(d) < beta
      ? [(d * d) / (2 * beta), d / beta]
      : [Math.abs(d) - beta / 2, Math.sign(d)];
  };

export const bce =
  (weight?: Numbers): Term =>
  (x, t, column) => {
    const w = weight ? weight[column]! : 1;
    const log = (v: number): number => Math.max(Math.log(v), -100);
    return [-w * (t * log(x) + (1 - t) * log(1 - x)), (w * (x - t)) / Math.max(x * (1 - x), 1e-12)];
  };

/** Negative log-likelihood of classes, x [n, c, inner] log-probabilities. */
export function nll(x: Numbers, labels: Numbers, dims: Dims, weight?: Numbers): LossResult {
  const gradient = new Float64Array(x.length);
  let loss = 0;
  let position = 0;
  forRows(dims, (row) => {
    const label = labels[position++]!;
    const w = weight ? weight[label]! : 1;
    loss -= w * x[row[label]!]!;
    gradient[row[label]!] = -w;
  });
  return { loss, gradient };
}

/** L of a mean x and a variance v, and its slopes. */
export function gaussianNLL(x: number, v: number, t: number): [number, number, number] {
  const d = x - t;
  return [(Math.log(v) + (d * d) / v) / 2, d / v, (1 / v - (d * d) / (v * v)) / 2];
}

/** 1 − cos(a, b), or max(0, cos(a, b) − margin); the gradients of a and b one behind the other. */
export function cosineEmbedding(a: Numbers, b: Numbers, y: number, margin = 0): LossResult {
  const dot = (u: Numbers, v: Numbers) =>
    Array.from(u).reduce((sum, _, k) => sum + u[k]! * v[k]!, 0);
  const [aa, bb] = [dot(a, a) + 1e-12, dot(b, b) + 1e-12];
  const cosine = dot(a, b) / Math.sqrt(aa * bb);
  const s = y === 1 ? -1 : cosine >= margin ? 1 : 0;
  const slopes = (u: Numbers, v: Numbers, uu: number) =>
    Array.from(u, (value, k) => s * (v[k]! / Math.sqrt(aa * bb) - (cosine * value) / uu));
  const loss = y === 1 ? 1 - cosine : Math.max(0, cosine - margin);
  return { loss, gradient: Float64Array.from([...slopes(a, b, aa), ...slopes(b, a, bb)]) };
}

/** max(0, d(a, p) − d(a, n) + margin), without swap; the gradients of a, p and n one behind the other. */
export function tripletMargin(
  [a, p, n]: readonly [Numbers, Numbers, Numbers],
  { margin = 1, power = 2, eps = 1e-6 } = {},
): LossResult {
  const distance = (u: Numbers, v: Numbers) => {
    const e = Array.from(u, (value, k) => value - v[k]! + eps);
    const length = e.reduce((sum, value) => sum + Math.abs(value) ** power, 0) ** (1 / power);
    const slopes = e.map((value) => Math.sign(value) * (Math.abs(value) / length) ** (power - 1));
    return { length, slopes };
  };
  const [near, far] = [distance(a, p), distance(a, n)];
  const loss = Math.max(0, margin + near.length - far.length);
  const on = loss > 0 ? 1 : 0;
  const gradient = [
    ...near.slopes.map((s, k) => on * (s - far.slopes[k]!)),
    ...near.slopes.map((s) => -on * s),
    ...far.slopes.map((s) => on * s),
  ];
  return { loss, gradient: Float64Array.from(gradient) };
}

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
