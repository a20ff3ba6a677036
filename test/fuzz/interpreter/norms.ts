/** Batch norm, and the norms of a sample. */
import * as batchnorm from '../../reference/batchnorm.ts';
import { groupNorm, groupNormGradients } from '../../reference/groupnorm.ts';
import { layerNorm, layerNormGradients } from '../../reference/layernorm.ts';
import { localResponseNorm, localResponseNormGradient } from '../../reference/localresponsenorm.ts';
import { rmsNorm, rmsNormGradients } from '../../reference/rmsnorm.ts';
import type { LayerSpec } from '../net.ts';
import type { Shape } from '../random-layer.ts';
import { meanSize, type Reader, Refusal, sizeOf } from './run.ts';

/** Channels last as channels first, and back. */
function moved(values: Float64Array, shape: Shape, last: boolean, back: boolean): Float64Array {
  if (!last) return values;
  const c = shape.at(-1)!;
  const n = shape[0]!;
  const s = values.length / (n * c);
  const out = new Float64Array(values.length);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < c; j++) {
      for (let k = 0; k < s; k++) {
        const first = (i * c + j) * s + k;
        const final = (i * s + k) * c + j;
        if (back) out[final] = values[first]!;
        else out[first] = values[final]!;
      }
    }
  }
  return out;
}

export const batchNorm: Reader = (spec, name, [x], run, training) => {
  const options = (spec.options ?? {}) as Record<string, never>;
  const { eps = 1e-5, channelsLast = false, virtualBatchSize, virtualBatchRest } = options;
  const decay: number | undefined = options.decay;
  const momentum: number | null =
    decay === undefined ? (options.momentum === undefined ? 0.1 : options.momentum) : 1 - decay;
  const [weight, bias] = [run.state[`${name}.weight`], run.state[`${name}.bias`]];
  const affine = { weight, bias, eps };
  const mean = run.state[`${name}.running_mean`];
  const variance = run.state[`${name}.running_var`];
  const ofBatch = !mean || (training && !spec.frozen);
  const values = moved(x!.data, x!.shape, channelsLast, false);
  const c = spec.args[0] as number;
  const n = x!.shape[0]!;
  const s = values.length / (n * c);
  const cuts =
    ofBatch && training && virtualBatchSize ? ghosts(n, virtualBatchSize, virtualBatchRest!) : [n];
  if (ofBatch && cuts.some((size) => size * s < 2)) throw new Refusal('one value a channel');
  let at = 0;
  const parts = cuts.map((size) => {
    const range: [number, number] = [at * c * s, (at + size) * c * s];
    at += size;
    const piece = values.slice(...range);
    const sizes = { n: size, c, s };
    if (!ofBatch) return { range, piece, sizes, found: { mean: mean!, variance: variance! } };
    return { range, piece, sizes, found: batchnorm.statistics(piece, sizes) };
  });
  const y = new Float64Array(values.length);
  for (const { range, piece, sizes, found } of parts) {
    // The running statistics of a moment, since they change.
    const kept = {
      mean: Float64Array.from(found.mean),
      variance: Float64Array.from(found.variance),
    };
    Object.assign(found, kept);
    y.set(batchnorm.normalize(piece, kept, sizes, affine), range[0]);
    if (!ofBatch || !mean) continue;
    const count = run.state[`${name}.num_batches_tracked`]!;
    count[0]!++;
    const rate = momentum ?? 1 / count[0]!;
    const m = sizes.n * s;
    const correction = options.runningVariance === 'biased' ? 1 : m / (m - 1);
    for (let j = 0; j < c; j++) {
      mean[j] = (1 - rate) * mean[j]! + rate * kept.mean[j]!;
      variance![j] = (1 - rate) * variance![j]! + rate * correction * kept.variance[j]!;
    }
  }
  return {
    y: { shape: x!.shape, data: moved(y, x!.shape, channelsLast, true) },
    backward: (given) => {
      const dy = moved(given, x!.shape, channelsLast, false);
      const dx = new Float64Array(dy.length);
      for (const { range, piece, sizes, found } of parts) {
        const slope = batchnorm.gradients(
          dy.slice(...range),
          piece,
          found,
          sizes,
          affine,
          !ofBatch,
        );
        // Where all dy of a channel are alike, float32 leaves the rounding of γ·dy/σ, although the exact dx is 0.
        const { c } = sizes;
        const steepest = Math.max(
          ...Array.from(
            { length: c },
            (_, j) => Math.abs(weight?.[j] ?? 1) / Math.sqrt(found.variance[j]! + eps),
          ),
        );
        const floor = 0.3 * steepest * meanSize(dy.slice(...range));
        dx.set(run.shaken(slope.dx, ofBatch ? floor : undefined), range[0]);
        if (weight) run.add(`${name}.weight`, slope.dWeight);
        if (bias) run.add(`${name}.bias`, slope.dBias);
      }
      return [moved(dx, x!.shape, channelsLast, true)];
    },
  };
};

function ghosts(n: number, size: number, rest: string): number[] {
  const full = Math.floor(n / size);
  const left = n - full * size;
  const cuts = Array.from({ length: full }, () => size);
  if (left > 0 && (rest === 'alone' || full === 0)) cuts.push(left);
  else if (left > 0) cuts[full - 1]! += left;
  return cuts;
}

/** Norms over groups of a sample: y and gradients by the functions of the reference. */
export const groups =
  (sizesOf: (spec: LayerSpec, c: number) => number): Reader =>
  (spec, name, [x], run) => {
    const [n, c] = x!.shape as [number, number];
    const { eps = 1e-5 } = (spec.options ?? {}) as { eps?: number };
    const [weight, bias] = [run.state[`${name}.weight`], run.state[`${name}.bias`]];
    const problem = {
      n,
      c,
      s: x!.data.length / (n * c),
      groups: sizesOf(spec, c),
      weight,
      bias,
      eps,
    };
    return {
      y: { shape: x!.shape, data: groupNorm(x!.data, problem) },
      backward: (dy) => {
        const { dx, dWeight, dBias } = groupNormGradients(dy, x!.data, problem);
        if (weight) run.add(`${name}.weight`, dWeight);
        if (bias) run.add(`${name}.bias`, dBias);
        return [dx];
      },
    };
  };

export const trailing: Reader = ({ kind, args, options = {} }, name, [x], run) => {
  const d = sizeOf([args[0]].flat() as number[]);
  const layer = kind === 'LayerNorm';
  const { eps = layer ? 1e-5 : 1.1920928955078125e-7 } = options as { eps?: number };
  const [weight, bias] = [run.state[`${name}.weight`], run.state[`${name}.bias`]];
  const rows = { n: x!.data.length / d, d, weight, bias, eps };
  return {
    y: { shape: x!.shape, data: layer ? layerNorm(x!.data, rows) : rmsNorm(x!.data, rows) },
    backward: (dy) => {
      const { dx, dWeight, dBias } = layer
        ? layerNormGradients(dy, x!.data, rows)
        : { ...rmsNormGradients(dy, x!.data, rows), dBias: [] };
      if (weight) run.add(`${name}.weight`, dWeight);
      if (bias) run.add(`${name}.bias`, dBias);
      return [dx];
    },
  };
};

export const response: Reader = ({ args, options = {} }, _, [x]) => {
  const [n, c] = x!.shape as [number, number];
  const problem = {
    c,
    s: x!.data.length / (n * c),
    size: args[0] as number,
    alpha: 1e-4,
    beta: 0.75,
    k: 1,
    ...options,
  };
  return {
    y: { shape: x!.shape, data: localResponseNorm(x!.data, problem) },
    backward: (dy) => [localResponseNormGradient(dy, x!.data, problem)],
  };
};
