/** Pooling. */
import * as pool from '../../reference/pool.ts';
import type { LayerSpec } from '../net.ts';
import type { Shape } from '../random-layer.ts';
import { pair } from './products.ts';
import type { Reader } from './run.ts';

/** The planes of an image or signal, and the windows over them. */
function poolShape({ kind, args, options = {} }: LayerSpec, shape: Shape) {
  const dimensions = kind.endsWith('1d') ? 1 : 2;
  const size: [number, number] = dimensions === 1 ? [1, shape[2]!] : [shape[2]!, shape[3]!];
  const kernel = pair(args[0], 1, dimensions);
  const stride = pair(options.stride ?? args[0], 1, dimensions);
  const padding = pair(options.padding ?? 0, 0, dimensions);
  const dilation = pair(options.dilation ?? 1, 1, dimensions);
  const outSize = size.map((extent, i) => {
    const steps = (extent + 2 * padding[i]! - dilation[i]! * (kernel[i]! - 1) - 1) / stride[i]!;
    if (!options.ceilMode) return Math.floor(steps) + 1;
    const count = Math.ceil(steps) + 1;
    return (count - 1) * stride[i]! >= extent + padding[i]! ? count - 1 : count;
  }) as [number, number];
  const planes = shape[0]! * shape[1]!;
  const out = [shape[0]!, shape[1]!, ...outSize.slice(2 - dimensions)];
  return { problem: { planes, size, outSize, kernel, stride, padding, dilation }, out };
}

export const maxPool: Reader = (spec, _, [x], run) => {
  const { problem, out } = poolShape(spec, x!.shape);
  const { y, index } = pool.maxPool(x!.data, problem);
  // Another maximum would be a kink: look whether small changes move one.
  const shift = (sign: number) =>
    x!.data.map((v, i) => (v === 0 ? 0 : v + (i % 2 ? sign : -sign) * 1e-5));
  for (const sign of run.noise ? [] : [1, -1]) {
    const other = pool.maxPool(shift(sign), problem).index;
    if (other.some((i, o) => i !== index[o])) run.kink = true;
  }
  return {
    y: { shape: out, data: Float64Array.from(y) },
    backward: (dy) => [pool.maxPoolBackward(dy, index, problem)],
  };
};

export const avgPool: Reader = (spec, _, [x]) => {
  const { problem, out } = poolShape(spec, x!.shape);
  const counts = (spec.options?.countIncludePad ?? true) as boolean;
  return {
    y: { shape: out, data: pool.avgPool(x!.data, problem, counts) },
    backward: (dy) => [pool.avgPoolBackward(dy, problem, counts)],
  };
};

export const adaptive: Reader = ({ kind, args }, _, [x]) => {
  const dimensions = kind.endsWith('1d') ? 1 : 2;
  const { problem } = poolShape({ kind, args: [1] }, x!.shape);
  const outSize = pair(kind === 'GlobalAvgPool' ? 1 : args[0], 1, dimensions);
  const bins = { ...problem, outSize };
  const out = [...x!.shape.slice(0, 2), ...outSize.slice(2 - dimensions)];
  return {
    y: { shape: out, data: pool.adaptiveAvgPool(x!.data, bins) },
    backward: (dy) => [pool.adaptiveAvgPoolBackward(dy, bins)],
  };
};

export const global: Reader = (_, __, [x]) => {
  const [n, c] = x!.shape as [number, number];
  const s = x!.data.length / (n * c);
  const data = new Float64Array(n * c);
  for (let i = 0; i < x!.data.length; i++) data[Math.floor(i / s)]! += x!.data[i]! / s;
  return {
    y: { shape: [n, c], data },
    backward: (dy) => [x!.data.map((_, i) => dy[Math.floor(i / s)]! / s)],
  };
};
