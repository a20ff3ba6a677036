/** Nodes with weights, as layers. */
import { BatchNorm1d, BatchNorm2d, BatchNorm3d } from '../layers/batchnorm/batchnorm.ts';
import { Conv1d, Conv2d } from '../layers/conv/conv.ts';
import { Conv3d } from '../layers/conv/conv3d.ts';
import { ConvTranspose1d, ConvTranspose2d } from '../layers/conv/convtranspose.ts';
import { Linear } from '../layers/linear.ts';
import { GroupNorm } from '../layers/norm/groupnorm.ts';
import { InstanceNorm1d, InstanceNorm2d, InstanceNorm3d } from '../layers/norm/instancenorm.ts';
import { LayerNorm } from '../layers/norm/layernorm.ts';
import type { Module } from '../module/module.ts';
import { matmul } from '../ops/matmul.ts';
import { transposed } from './constants.ts';
import { type Computed, isConstant } from './graph.ts';
import { broadcast } from './operands.ts';
import type { NodeReading } from './reading.ts';
import type { Constant } from './tensors.ts';
import { windowsOf } from './windows.ts';

/** Values of parameters and buffers by their property. */
type Values = Readonly<Record<string, ArrayLike<number> | undefined>>;

/** A layer with the values of its file. */
export function withValues<M extends Module>(layer: M, values: Values): M {
  const held = layer as unknown as Record<string, { data: { set(v: ArrayLike<number>): void } }>;
  for (const [property, list] of Object.entries(values))
    if (list) held[property]?.data.set(Float32Array.from(list));
  return layer;
}

const zeros = { init: 'zeros' } as const;

/** Conv of one, two and three axes. */
export function readConv(node: NodeReading): Computed {
  const x = node.computed();
  const weight = node.weight(1);
  const axes = x.shape.length - 2;
  if (![1, 2, 3].includes(axes) || weight.shape.length !== x.shape.length)
    throw node.unsupported(`weight expected with three to five axes, got ${weight.shape.length}`);
  const [out, inside, ...kernel] = weight.shape as [number, number, ...number[]];
  const groups = node.int('group', 1);
  const bias = node.inputs[2] ? node.weight(2, [out]).values : undefined;
  const { strides, dilations, before, after } = windowsOf(node, kernel, x.shape.slice(2));
  const make = () => {
    const options = { groups, bias: bias !== undefined, ...zeros };
    const sides = before.flatMap((zeros, i) => [zeros, after[i]!]);
    const [stride, dilation, padding] = [strides, dilations, sides] as never[];
    const steps = { ...options, stride: stride!, dilation: dilation!, padding: padding! };
    const layer =
      axes === 1
        ? new Conv1d(inside * groups, out, kernel[0]!, {
            ...options,
            stride: strides[0]!,
            dilation: dilations[0]!,
            padding: [before[0]!, after[0]!],
          })
        : new (axes === 2 ? Conv2d : Conv3d)(inside * groups, out, kernel as never, steps);
    return withValues(layer, { weight: weight.values, bias });
  };
  return node.trained(make, bias ? [1, 2] : [1]);
}

/** ConvTranspose of one and two axes. With `output_shape` the padding follows from it. */
export function readConvTranspose(node: NodeReading): Computed {
  const x = node.computed();
  const weight = node.weight(1);
  const rank = x.shape.length;
  if ((rank !== 3 && rank !== 4) || weight.shape.length !== rank)
    throw node.unsupported(`input expected [N, C, L] or [N, C, H, W], got ${rank} axes`);
  const [inside, outside, ...kernel] = weight.shape as [number, number, ...number[]];
  const axes = kernel.map((_, i) => i);
  const groups = node.int('group', 1);
  const out = outside * groups;
  const bias = node.inputs[2] ? node.weight(2, [out]).values : undefined;
  const perAxis = (name: string, missing: number, count = rank - 2): number[] => {
    const list = node.ints(name) ?? Array<number>(count).fill(missing);
    if (list.length === count) return list;
    throw node.unsupported(`${name} expected ${count} numbers, got ${list.length}`);
  };
  const strides = perAxis('strides', 1);
  const dilations = perAxis('dilations', 1);
  const outputPadding = perAxis('output_padding', 0);
  let pads = perAxis('pads', 0, 2 * axes.length);
  const auto = node.text('auto_pad', 'NOTSET');
  const size = node.ints('output_shape');
  node.ignore('kernel_shape');
  if (size || auto.startsWith('SAME')) {
    const totals = axes.map((i) => {
      const wanted = size?.at(i - axes.length) ?? x.shape[i + 2]! * strides[i]!;
      const reach = (kernel[i]! - 1) * dilations[i]! + 1;
      return strides[i]! * (x.shape[i + 2]! - 1) + outputPadding[i]! + reach - wanted;
    });
    // What is missing is added at the end: a negative total is padding of the output.
    for (const [i, total] of totals.entries()) if (total < 0) outputPadding[i]! -= total;
    const upper = auto === 'SAME_UPPER';
    const halves = totals.map((total) => Math.max(total, 0));
    const begin = halves.map((total) => (upper ? Math.floor(total / 2) : Math.ceil(total / 2)));
    pads = [...begin, ...halves.map((total, i) => total - begin[i]!)];
  }
  const common = { ...zeros, groups, bias: bias !== undefined };
  const signal = () =>
    new ConvTranspose1d(inside, out, kernel[0]!, {
      ...common,
      stride: strides[0]!,
      dilation: dilations[0]!,
      outputPadding: outputPadding[0]!,
      padding: [pads[0]!, pads[1]!],
    });
  const image = () =>
    new ConvTranspose2d(inside, out, kernel as [number, number], {
      ...common,
      stride: strides as [number, number],
      dilation: dilations as [number, number],
      outputPadding: outputPadding as [number, number],
      padding: [pads[0]!, pads[2]!, pads[1]!, pads[3]!],
    });
  const make = () => withValues(rank === 3 ? signal() : image(), { weight: weight.values, bias });
  return node.trained(make, bias ? [1, 2] : [1]);
}

/** α·x·B + β·C, with B and C in the file. */
export function readGemm(node: NodeReading): Computed {
  node.ignore('broadcast');
  if (node.int('transA', 0) !== 0) throw node.unsupported('transA expected 0, got 1');
  const alpha = node.float('alpha', 1);
  const beta = node.float('beta', 1);
  const given = node.weight(1, [undefined, undefined]);
  const weight = node.int('transB', 0) === 1 ? given : transposed(node, given, [1, 0]);
  const out = weight.shape[0]!;
  const added = node.inputs[2] ? node.weight(2) : undefined;
  const bias = added && spread(node, added, out);
  const scaled = (values: ArrayLike<number> | undefined, by: number) =>
    values && by !== 1 ? Array.from(values, (value) => value * by) : values;
  return linear(
    node,
    node.computed(),
    scaled(weight.values, alpha)!,
    [out, weight.shape[1]!],
    scaled(bias, beta),
  );
}

/** x·W, and if a node behind it adds a vector of the file x·W + b; the product of any two tensors. */
export function readMatMul(node: NodeReading, bias?: { readonly values: Constant }): Computed {
  const [x, w] = node.inputs;
  if (isConstant(x) || !isConstant(w) || w.shape.length !== 2) return broadcast(node, matmul);
  const given = node.weight(1, [undefined, undefined]);
  const weight = transposed(node, given, [1, 0]);
  const out = weight.shape[0]!;
  return linear(node, node.computed(), weight.values, [out, weight.shape[1]!], bias?.values.values);
}

function linear(
  node: NodeReading,
  x: Computed,
  weight: ArrayLike<number>,
  [out, inside]: readonly [number, number],
  bias: ArrayLike<number> | undefined,
): Computed {
  const make = () =>
    withValues(new Linear(inside, out, { ...zeros, bias: bias !== undefined }), { weight, bias });
  return node.trained(make, bias && node.inputs[2] ? [1, 2] : [1], [x]);
}

/** A vector of `n` from one number or a vector. */
function spread(
  node: NodeReading,
  { values, shape }: Constant,
  n: number,
): Float64Array | Float32Array {
  if (values.length === n && shape.at(-1) === n) return values;
  if (values.length === 1) return new Float32Array(n).fill(values[0]!);
  throw node.unsupported(`bias expected with ${n} values, got ${values.length}`);
}

/** In both modes: a file of a network that is trained normalizes with the batch, as the layer does then. */
export function readBatchNorm(node: NodeReading): Computed {
  const x = node.computed();
  const rank = x.shape.length;
  const Layer = rank === 5 ? BatchNorm3d : rank === 4 ? BatchNorm2d : BatchNorm1d;
  const [weight, bias, runningMean, runningVar] = [1, 2, 3, 4].map(
    (i) => node.weight(i, [x.shape[1]]).values,
  );
  const eps = node.float('epsilon', 1e-5);
  const decay = node.float('momentum', 0.9);
  if (node.int('spatial', 1) !== 1) throw node.unsupported('spatial expected 1, got 0');
  node.ignore('training_mode', 'is_test', 'consumed_inputs');
  const make = () =>
    withValues(new Layer(weight!.length, { eps, decay, runningVariance: 'biased' }), {
      weight,
      bias,
      runningMean,
      runningVar,
    });
  return node.trained(make, [1, 2, 3, 4]);
}

export function readInstanceNorm(node: NodeReading): Computed {
  const x = node.computed();
  const Layer = [InstanceNorm1d, InstanceNorm2d, InstanceNorm3d][x.shape.length - 3];
  if (!Layer) throw node.unsupported(`input expected with 3 to 5 axes, got ${x.shape.length}`);
  const [weight, bias] = [1, 2].map((i) => node.weight(i, [x.shape[1]]).values);
  const eps = node.float('epsilon', 1e-5);
  const make = () => withValues(new Layer(weight!.length, { eps, affine: true }), { weight, bias });
  return node.trained(make, [1, 2]);
}

/** Before opset 21 scale and bias have an entry for each group. */
export function readGroupNorm(node: NodeReading): Computed {
  const groups = node.int('num_groups', 1);
  const c = node.computed().shape[1]!;
  const eps = node.float('epsilon', 1e-5);
  node.ignore('stash_type');
  const perChannel = (i: number): ArrayLike<number> => {
    const { values } = node.weight(i, [node.opset < 21 ? groups : c]);
    return node.opset < 21
      ? Array.from({ length: c }, (_, k) => values[Math.floor((k * groups) / c)]!)
      : values;
  };
  const [weight, bias] = [perChannel(1), perChannel(2)];
  const make = () => withValues(new GroupNorm(groups, c, { eps }), { weight, bias });
  return node.trained(make, [1, 2]);
}

export function readLayerNorm(node: NodeReading): Computed {
  const { shape } = node.computed();
  const trailing = shape.slice(node.axis(node.int('axis', -1), shape.length));
  const eps = node.float('epsilon', 1e-5);
  node.ignore('stash_type');
  const size = trailing.reduce((product, extent) => product * extent, 1);
  const [weight, bias] = [1, 2].map((i) => (node.inputs[i] ? node.weight(i).values : undefined));
  if (weight?.length !== size || (bias && bias.length !== size))
    throw node.unsupported(`scale and bias expected with ${size} values`);
  const make = () =>
    withValues(new LayerNorm(trailing, { eps, bias: bias !== undefined }), { weight, bias });
  return node.trained(make, bias ? [1, 2] : [1]);
}
