/** Group norm in float64, on [n, c, s]: each group's channels and positions are a row of layer norm. */
import { standardize } from './layernorm.ts';

type Numbers = ArrayLike<number>;

export interface Groups {
  n: number;
  c: number;
  s: number;
  groups: number;
  weight?: Numbers | undefined;
  bias?: Numbers | undefined;
  eps: number;
}

/** x̂ of each element, and 1/√(variance + eps) of each group. */
function standardizeGroups(x: Numbers, { n, c, s, groups, eps }: Groups) {
  return standardize(x, { n: n * groups, d: (c / groups) * s, eps });
}

/** y = γ·x̂ + β, γ and β by channel. */
export function groupNorm(x: Numbers, problem: Groups): Float64Array {
  const { c, s, weight, bias } = problem;
  const { normalized } = standardizeGroups(x, problem);
  return normalized.map((v, i) => {
    const channel = Math.floor(i / s) % c;
    return (weight?.[channel] ?? 1) * v + (bias?.[channel] ?? 0);
  });
}

/** With g = dy·γ: dx = (g − Σg/m − x̂·Σ(g·x̂)/m)·invStd over a group; dγ = Σ dy·x̂ and dβ = Σ dy a channel. */
export function groupNormGradients(dy: Numbers, x: Numbers, problem: Groups) {
  const { n, c, s, groups, weight } = problem;
  const { normalized, invStd } = standardizeGroups(x, problem);
  const m = (c / groups) * s;
  const dWeight = new Float64Array(c);
  const dBias = new Float64Array(c);
  const sum = new Float64Array(n * groups);
  const product = new Float64Array(n * groups);
  const g = normalized.map((v, i) => {
    const channel = Math.floor(i / s) % c;
    const group = Math.floor(i / m);
    const value = dy[i]! * (weight?.[channel] ?? 1);
    dWeight[channel]! += dy[i]! * v;
    dBias[channel]! += dy[i]!;
    sum[group]! += value;
    product[group]! += value * v;
    return value;
  });
  const dx = g.map((v, i) => {
    const group = Math.floor(i / m);
    return (v - sum[group]! / m - (normalized[i]! * product[group]!) / m) * invStd[group]!;
  });
  return { dx, dWeight, dBias };
}
