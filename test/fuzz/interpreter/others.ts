/** Activations, dropout, and layers that move or add numbers. */
import * as activation from '../../reference/activation.ts';
import { unit, words } from '../../reference/random.ts';
import * as softmax from '../../reference/softmax.ts';
import type { LayerSpec } from '../net.ts';
import { type Reader, sizeOf } from './run.ts';

/** An activation without parameters. */
export const elementwise =
  (of: (spec: LayerSpec) => activation.Activation, ...kinks: number[]): Reader =>
  (spec, _, [x], run) => {
    const { f, slope } = of(spec);
    for (const kink of kinks) run.near(x!.data, kink);
    return {
      y: { shape: x!.shape, data: x!.data.map(f) },
      backward: (dy) => [dy.map((d, i) => d * slope(x!.data[i]!))],
    };
  };

export const normalizer: Reader = ({ kind, args }, _, [x]) => {
  const rank = x!.shape.length;
  const axis = ((args[0] as number) + rank) % rank;
  const dims = [
    sizeOf(x!.shape.slice(0, axis)),
    x!.shape[axis]!,
    sizeOf(x!.shape.slice(axis + 1)),
  ] as const;
  const plainly = kind === 'Softmax';
  return {
    y: { shape: x!.shape, data: (plainly ? softmax.softmax : softmax.logSoftmax)(x!.data, dims) },
    backward: (dy) => [
      (plainly ? softmax.softmaxGradient : softmax.logSoftmaxGradient)(x!.data, dy, dims),
    ],
  };
};

export const prelu: Reader = (_, name, [x], run) => {
  const weight = run.state[`${name}.weight`]!;
  const inner = weight.length > 1 ? sizeOf(x!.shape.slice(2)) : x!.data.length;
  run.near(x!.data);
  return {
    y: { shape: x!.shape, data: activation.prelu(x!.data, weight, inner) },
    backward: (dy) => {
      const { dx, dweight } = activation.preluGradients(x!.data, dy, weight, inner);
      run.add(`${name}.weight`, dweight);
      return [dx];
    },
  };
};

export const dropout: Reader = ({ args }, _, [x], run, training) => {
  const p = args[0] as number;
  const n = x!.data.length;
  let mask = new Float64Array(n).fill(1);
  if (training && p > 0) {
    const { seed, counter } = run.generator;
    mask = Float64Array.from(words(n, seed, counter), (w) =>
      unit(w) >= Math.fround(p) ? 1 / (1 - p) : 0,
    );
    run.generator.counter += Math.ceil(n / 4);
  }
  return {
    y: { shape: x!.shape, data: x!.data.map((v, i) => v * mask[i]!) },
    backward: (dy) => [dy.map((v, i) => v * mask[i]!)],
  };
};

export const square: Reader = (_, name, [x], run) => {
  const scale = run.state[`${name}.scale`]![0]!;
  return {
    y: { shape: x!.shape, data: x!.data.map((v) => scale * v * v) },
    backward: (dy) => {
      run.add(`${name}.scale`, [dy.reduce((sum, d, i) => sum + d * x!.data[i]! ** 2, 0)]);
      return [dy.map((d, i) => 2 * scale * x!.data[i]! * d)];
    },
  };
};

export const sum: Reader = (_, __, inputs) => ({
  y: {
    shape: inputs[0]!.shape,
    data: inputs[0]!.data.map((_, i) => inputs.reduce((total, { data }) => total + data[i]!, 0)),
  },
  backward: (dy) => inputs.map(() => dy.slice()),
});

export const concat: Reader = (_, __, inputs) => {
  const [n, , ...size] = inputs[0]!.shape as [number, number, ...number[]];
  const widths = inputs.map(({ data }) => data.length / n);
  const whole = widths.reduce((a, b) => a + b, 0);
  const data = new Float64Array(n * whole);
  const each = (visit: (input: number, from: number, to: number) => void): void => {
    let at = 0;
    for (const [j, width] of widths.entries()) {
      for (let i = 0; i < n; i++)
        for (let k = 0; k < width; k++) visit(j, i * width + k, i * whole + at + k);
      at += width;
    }
  };
  each((j, from, to) => {
    data[to] = inputs[j]!.data[from]!;
  });
  const channels = inputs.reduce((total, { shape }) => total + shape[1]!, 0);
  return {
    y: { shape: [n, channels, ...size], data },
    backward: (dy) => {
      const all = inputs.map((input) => new Float64Array(input.data.length));
      each((j, from, to) => {
        all[j]![from] = dy[to]!;
      });
      return all;
    },
  };
};

export const flatten: Reader = (_, __, [x]) => ({
  y: { shape: [x!.shape[0]!, sizeOf(x!.shape.slice(1))], data: x!.data },
  backward: (dy) => [dy],
});

export const unflatten: Reader = ({ args }, _, [x]) => ({
  y: { shape: [x!.shape[0]!, ...(args[1] as number[])], data: x!.data },
  backward: (dy) => [dy],
});

export const gelu: Reader = elementwise(({ options }) =>
  options?.approximate === 'tanh' ? activation.geluTanh : activation.gelu,
);
