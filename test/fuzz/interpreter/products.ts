/** Matrix products and convolutions. */
import * as conv from '../../reference/conv2d.ts';
import { product } from '../../reference/gemm.ts';
import type { Reader } from './run.ts';

export const linear: Reader = ({ args }, name, [x], run) => {
  const [k, n] = args as [number, number];
  const m = x!.data.length / k;
  const weight = run.state[`${name}.weight`]!;
  const bias = run.state[`${name}.bias`];
  const data = product(x!.data, weight, m, n, k, { transposeB: true, ...(bias && { bias }) });
  return {
    y: { shape: [...x!.shape.slice(0, -1), n], data },
    backward: (dy) => {
      run.add(`${name}.weight`, product(dy, x!.data, n, k, m, { transposeA: true }));
      if (bias)
        run.add(
          `${name}.bias`,
          bias.map((_, j) => columnSum(dy, j, n)),
        );
      return [product(dy, weight, m, k, n)];
    },
  };
};

function columnSum(values: Float64Array, column: number, width: number): number {
  let sum = 0;
  for (let i = column; i < values.length; i += width) sum += values[i]!;
  return sum;
}

/** A number for each axis of an image; a signal is an image of height 1. */
export function pair(value: unknown, filler: number, dimensions: number): [number, number] {
  const list = [value].flat() as number[];
  if (dimensions === 1) return [filler, list[0]!];
  return [list[0]!, list[1] ?? list[0]!];
}

export const convolution: Reader = ({ kind, args, options = {} }, name, [x], run) => {
  const dimensions = kind === 'Conv1d' ? 1 : 2;
  const [channels, outChannels, kernelSize] = args as [number, number, unknown];
  const [n] = x!.shape as [number];
  const [h, w] = dimensions === 1 ? [1, x!.shape[2]!] : [x!.shape[2]!, x!.shape[3]!];
  const [kernelH, kernelW] = pair(kernelSize, 1, dimensions);
  const [strideH, strideW] = pair(options.stride ?? 1, 1, dimensions);
  const [dilationH, dilationW] = pair(options.dilation ?? 1, 1, dimensions);
  const sides = (): number[] => {
    const { padding = 0 } = options as { padding?: number | number[] | 'same' };
    if (padding === 'same') {
      const total = [dilationH * (kernelH - 1), dilationW * (kernelW - 1)];
      return total.flatMap((zeros) => [Math.floor(zeros / 2), Math.ceil(zeros / 2)]);
    }
    if (Array.isArray(padding) && padding.length === 2 * dimensions) {
      return dimensions === 1 ? [0, 0, ...padding] : padding;
    }
    const [v, u] = pair(padding, 0, dimensions);
    return [v, v, u, u];
  };
  const [top, bottom, left, right] = sides() as [number, number, number, number];
  const groups = (options.groups ?? 1) as number;
  const shape: conv.ConvShape = {
    ...{ n, channels, h, w, outChannels, kernelH, kernelW, strideH, strideW },
    ...{ top, left, bottom, right, dilationH, dilationW, groups },
  };
  const { outH, outW } = conv.outputSize(shape);
  const weight = run.state[`${name}.weight`]!;
  const bias = run.state[`${name}.bias`];
  const out = dimensions === 1 ? [outW] : [outH, outW];
  return {
    y: { shape: [n, outChannels, ...out], data: conv.convForward(shape, x!.data, weight, bias) },
    backward: (dy) => {
      run.add(`${name}.weight`, conv.convWeightGradient(shape, dy, x!.data));
      if (bias) run.add(`${name}.bias`, conv.convBiasGradient(shape, dy));
      return [conv.convInputGradient(shape, dy, weight)];
    },
  };
};
