/**
 * Networks in float64: each layer as the loops of test/reference, one after the other, without plans,
 * fusion or shared memory.
 */
import * as activation from '../../reference/activation.ts';
import type { LayerSpec, NetSpec } from '../net.ts';
import { batchNorm, groups, response, trailing } from './norms.ts';
import {
  concat,
  dropout,
  elementwise,
  flatten,
  gelu,
  normalizer,
  prelu,
  square,
  sum,
  unflatten,
} from './others.ts';
import { convolution, linear } from './products.ts';
import { type Made, meanSize, type Reader, type Run, type Values } from './run.ts';
import { adaptive, avgPool, global, maxPool } from './windows.ts';

export { type Made, Refusal, Run, type Values } from './run.ts';

/** A network's output and gradient. */
export function interpret({ layers, steps }: NetSpec, input: Values, run: Run): Made {
  const values = [input];
  const made: Made[] = [];
  for (const { layer, inputs } of steps) {
    const given = inputs.map((i) => values[i]!);
    const one = apply(layers[layer]!, `layers.${layer}`, given, run, run.training(layer));
    made.push(one);
    values.push(one.y);
  }
  return {
    y: values.at(-1)!,
    backward: (dy) => {
      const gradients = values.map(({ data }) => new Float64Array(data.length));
      gradients[gradients.length - 1] = Float64Array.from(dy);
      for (let i = steps.length - 1; i >= 0; i--) {
        for (const [j, d] of made[i]!.backward(gradients[i + 1]!).entries()) {
          const sum = gradients[steps[i]!.inputs[j]!]!;
          for (let k = 0; k < d.length; k++) sum[k]! += d[k]!;
        }
      }
      return [gradients[0]!];
    },
  };
}

/** A layer, with noise if the run has some. */
function apply(
  spec: LayerSpec,
  name: string,
  inputs: readonly Values[],
  run: Run,
  training: boolean,
): Made {
  if (spec.kind === 'Sequential') return sequence(spec.inside!, name, inputs[0]!, run, training);
  if (spec.kind === 'Residual') return residual(spec, name, inputs[0]!, run, training);
  const { y, backward } = plain(spec, name, inputs, run, training);
  const norm = /Norm/.test(spec.kind);
  return {
    y: { shape: y.shape, data: run.shaken(y.data) },
    backward: (dy) => {
      const all = backward(run.shaken(dy));
      if (!norm || !run.noise) return all;
      // A norm's input gradient is a difference of larger numbers, which are rounded.
      const gain = spread(y.data) / spread(inputs[0]!.data);
      return all.map((dx) => dx.map((v) => v + 3e-7 * gain * meanSize(dy) * run.noise!.normal()));
    },
  };
}

function spread(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length) + 1e-30;
}

function sequence(
  inside: readonly LayerSpec[],
  name: string,
  x: Values,
  run: Run,
  training: boolean,
): Made {
  const made: Made[] = [];
  let y = x;
  for (const [i, spec] of inside.entries()) {
    const one = apply(spec, `${name}.${i}`, [y], run, training);
    made.push(one);
    y = one.y;
  }
  return {
    y,
    backward: (dy) => [made.reduceRight((gradient, one) => one.backward(gradient)[0]!, dy)],
  };
}

function residual(
  { inside }: LayerSpec,
  name: string,
  x: Values,
  run: Run,
  training: boolean,
): Made {
  const [body, shortcut] = inside!;
  const main = apply(body!, `${name}.body`, [x], run, training);
  const side = shortcut && apply(shortcut, `${name}.shortcut`, [x], run, training);
  const around = side?.y ?? x;
  return {
    y: { shape: x.shape, data: main.y.data.map((v, i) => v + around.data[i]!) },
    backward: (dy) => {
      const other = side ? side.backward(dy)[0]! : dy;
      return [main.backward(dy)[0]!.map((v, i) => v + other[i]!)];
    },
  };
}

function plain(...call: Parameters<Reader>): Made {
  const [{ kind }] = call;
  const reader = READERS[kind];
  if (!reader) throw new Error(`the interpreter has no ${kind}`);
  return reader(...call);
}

const READERS: Readonly<Record<string, Reader>> = {
  Linear: linear,
  Conv1d: convolution,
  Conv2d: convolution,
  BatchNorm1d: batchNorm,
  BatchNorm2d: batchNorm,
  GroupNorm: groups(({ args }) => args[0] as number),
  InstanceNorm1d: groups((_, c) => c),
  InstanceNorm2d: groups((_, c) => c),
  LayerNorm: trailing,
  RMSNorm: trailing,
  LocalResponseNorm: response,
  MaxPool1d: maxPool,
  MaxPool2d: maxPool,
  AvgPool1d: avgPool,
  AvgPool2d: avgPool,
  AdaptiveAvgPool1d: adaptive,
  AdaptiveAvgPool2d: adaptive,
  GlobalAvgPool: global,
  Flatten: flatten,
  Unflatten: unflatten,
  Softmax: normalizer,
  LogSoftmax: normalizer,
  PReLU: prelu,
  Dropout: dropout,
  Square: square,
  Add: sum,
  Concat: concat,
  ReLU: elementwise(() => activation.relu, 0),
  ReLU6: elementwise(() => activation.relu6, 0, 6),
  LeakyReLU: elementwise(({ args }) => activation.leakyRelu(args[0] as number), 0),
  Sigmoid: elementwise(() => activation.sigmoidActivation),
  Tanh: elementwise(() => activation.tanh),
  SiLU: elementwise(() => activation.silu),
  GELU: gelu,
  ELU: elementwise(({ args }) => activation.elu(args[0] as number), 0),
  SELU: elementwise(() => activation.selu, 0),
  Mish: elementwise(() => activation.mish),
  Softsign: elementwise(() => activation.softsign),
  Softplus: elementwise(({ options }) => activation.softplus(options?.beta as number | undefined)),
  Hardsigmoid: elementwise(() => activation.hardsigmoid, -3, 3),
  Hardswish: elementwise(() => activation.hardswish, -3, 3),
  Hardtanh: (spec, ...rest) => {
    const [low = -1, high = 1] = spec.args as number[];
    return elementwise(() => activation.hardtanh(low, high), low, high)(spec, ...rest);
  },
};
