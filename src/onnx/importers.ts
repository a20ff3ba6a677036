/** Which layer computes each operator of ONNX. */
import { ELU, SELU } from '../layers/activation/elu.ts';
import { GELU } from '../layers/activation/gelu.ts';
import { Hardsigmoid, Hardswish, Hardtanh } from '../layers/activation/hardtanh.ts';
import { PReLU } from '../layers/activation/prelu.ts';
import { LeakyReLU, ReLU, ReLU6 } from '../layers/activation/relu.ts';
import { Sigmoid } from '../layers/activation/sigmoid.ts';
import { LogSoftmax, Softmax } from '../layers/activation/softmax.ts';
import { Mish, Softplus } from '../layers/activation/softplus.ts';
import { Softsign } from '../layers/activation/softsign.ts';
import { Tanh } from '../layers/activation/tanh.ts';
import { Add } from '../layers/add.ts';
import { Concat } from '../layers/concat.ts';
import { Dropout } from '../layers/dropout.ts';
import { Flatten, Unflatten } from '../layers/flatten.ts';
import { Multiply } from '../layers/multiply.ts';
import { LocalResponseNorm } from '../layers/norm/localresponsenorm.ts';
import { Normalization } from '../layers/norm/normalization.ts';
import { Permute } from '../layers/permute.ts';
import type { Module } from '../module/module.ts';
import { type Shape, shapeText, sizeOf } from '../tensor/shape.ts';
import { axesOf, filled, squeezed, unsqueezed } from './constants.ts';
import { type Computed, isConstant } from './graph.ts';
import { readGlobalPool, readMean, readPad, readPool, readResize } from './importpools.ts';
import {
  readBatchNorm,
  readConv,
  readConvTranspose,
  readGemm,
  readGroupNorm,
  readInstanceNorm,
  readLayerNorm,
  readMatMul,
  withValues,
} from './importweights.ts';
import type { NodeReading } from './reading.ts';
import type { Constant } from './tensors.ts';

type Read = (node: NodeReading) => Computed;

const simple =
  (Layer: new () => Module): Read =>
  (node) =>
    node.layer(() => new Layer());

/** Operators by name. */
const IMPORTERS: Readonly<Record<string, Read>> = {
  Conv: readConv,
  ConvTranspose: readConvTranspose,
  Gemm: readGemm,
  MatMul: readMatMul,

  BatchNormalization: readBatchNorm,
  InstanceNormalization: readInstanceNorm,
  GroupNormalization: readGroupNorm,
  LayerNormalization: readLayerNorm,
  LRN: (node) => {
    const size = node.int('size', 1);
    const options = {
      alpha: node.float('alpha', 1e-4),
      beta: node.float('beta', 0.75),
      k: node.float('bias', 1),
    };
    if (size % 2 === 0) throw node.unsupported(`size expected odd, got ${size}`);
    return node.layer(() => new LocalResponseNorm(size, options));
  },

  Relu: simple(ReLU),
  Sigmoid: simple(Sigmoid),
  Tanh: simple(Tanh),
  Softsign: simple(Softsign),
  Mish: simple(Mish),
  HardSwish: simple(Hardswish),
  Softplus: simple(Softplus),
  LeakyRelu: (node) => {
    const alpha = node.float('alpha', 0.01);
    return node.layer(() => new LeakyReLU(alpha));
  },
  Elu: (node) => {
    const alpha = node.float('alpha', 1);
    return node.layer(() => new ELU(alpha));
  },
  Selu: (node) => {
    const [alpha, gamma] = [node.float('alpha', 1.67326319), node.float('gamma', 1.05070102)];
    if (Math.abs(alpha - 1.67326324) > 1e-6 || Math.abs(gamma - 1.05070099) > 1e-6)
      throw node.unsupported(
        `alpha and gamma expected 1.67326 and 1.0507, got ${alpha} and ${gamma}`,
      );
    return node.layer(() => new SELU());
  },
  HardSigmoid: (node) => {
    const [alpha, beta] = [node.float('alpha', 0.2), node.float('beta', 0.5)];
    if (Math.abs(alpha - 1 / 6) > 1e-6 || beta !== 0.5)
      throw node.unsupported(`alpha and beta expected 1/6 and 1/2, got ${alpha} and ${beta}`);
    return node.layer(() => new Hardsigmoid());
  },
  Gelu: (node) => {
    const approximate = node.text('approximate', 'none') === 'tanh' ? 'tanh' : 'none';
    return node.layer(() => new GELU({ approximate }));
  },
  Clip: (node) => {
    const bound = (name: string, i: number, missing: number) =>
      node.has(name) ? node.float(name, 0) : (node.constant(i)?.values[0] ?? missing);
    const [low, high] = [bound('min', 1, -Infinity), bound('max', 2, Infinity)];
    return node.layer(() => (low === 0 && high === 6 ? new ReLU6() : new Hardtanh(low, high)));
  },
  PRelu: (node) => {
    const { shape } = node.computed();
    const slope = node.weight(1);
    const c = slope.values.length;
    // Before opset 7 a vector belongs to the channels, since then to the last axis.
    const place = node.opset < 7 ? 0 : -(shape.length - 1);
    const perChannel = c === shape[1] && slope.shape.at(place) === c;
    if (c !== 1 && !perChannel)
      throw node.unsupported(
        `slope expected one, or one for each channel, got ${shapeText(slope.shape)}`,
      );
    return node.trained(() => withValues(new PReLU(c), { weight: slope.values }), [1]);
  },
  Softmax: (node) => softmax(node, Softmax),
  LogSoftmax: (node) => softmax(node, LogSoftmax),

  MaxPool: readPool,
  AveragePool: readPool,
  GlobalAveragePool: readGlobalPool,
  GlobalMaxPool: readGlobalPool,
  ReduceMean: readMean,
  Pad: readPad,
  Resize: readResize,
  Upsample: readResize,

  Identity: (node) => node.computed(),
  Dropout: (node) => {
    const p = node.has('ratio') ? node.float('ratio', 0.5) : (node.constant(1)?.values[0] ?? 0.5);
    node.ignore('seed', 'is_test');
    node.oneOutput();
    return node.layer(() => new Dropout(p));
  },
  Flatten: (node) => {
    const { shape } = node.computed();
    const given = node.int('axis', 1);
    const axis = given === shape.length ? given : node.axis(given, shape.length);
    return reshape(node, [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis))]);
  },
  Reshape: (node) => {
    const target = node.has('shape') ? node.ints('shape') : node.integers(1);
    if (!target) throw node.unsupported('shape expected, got none');
    return reshape(node, filled(node, node.computed().shape, target));
  },
  Squeeze: (node) => reshape(node, squeezed(node, node.computed().shape, axesOf(node))),
  Unsqueeze: (node) => reshape(node, unsqueezed(node, node.computed().shape, axesOf(node) ?? [])),
  Transpose: (node) => {
    const { shape } = node.computed();
    const dims = node.ints('perm') ?? shape.map((_, i) => shape.length - 1 - i);
    return node.layer(() => new Permute(dims));
  },
  Concat: (node) => {
    const inputs = node.inputs.map((_, i) => node.computed(i));
    const axis = node.axis(node.int('axis', 1), inputs[0]?.shape.length ?? 0);
    return inputs.length === 1 ? inputs[0]! : node.layer(() => new Concat(axis), inputs);
  },
  Sum: (node) => {
    const inputs = node.inputs.map((_, i) => node.computed(i));
    return inputs.length === 1 ? inputs[0]! : node.layer(() => new Add(), inputs);
  },
  Add: (node) =>
    withConstant(node, (c) => ({ offset: c })) ?? node.layer(() => new Add(), both(node)),
  Mul: (node) =>
    withConstant(node, (c) => ({ scale: c })) ?? node.layer(() => new Multiply(), both(node)),
  Sub: (node) => {
    if (isConstant(node.inputs[0])) {
      return withConstant(node, (c) => ({ offset: c, scale: c.map(() => -1) }))!;
    }
    const difference = withConstant(node, (c) => ({ shift: c }));
    if (!difference)
      throw node.unsupported('the second input expected in the file, got a computed one');
    return difference;
  },
  Div: (node) => {
    if (!isConstant(node.inputs[1])) throw node.unsupported('the divisor expected in the file');
    return withConstant(node, (c) => ({ scale: c.map((value) => 1 / value) }))!;
  },
};

export const IMPORTED: readonly string[] = Object.keys(IMPORTERS);

/** The layer of a node. */
export function readNode(node: NodeReading): Computed {
  const read = Object.hasOwn(IMPORTERS, node.op) ? IMPORTERS[node.op] : undefined;
  if (/Loss$/.test(node.op)) {
    throw node.unsupported(
      'expected a layer, got a loss',
      "pass { output: NAME } with the name of the loss's input, and use CrossEntropyLoss",
    );
  }
  if (!read || (node.node.domain && node.node.domain !== 'ai.onnx')) {
    throw node.unsupported(
      'expected an operator that evenkeel has a layer for',
      'cut the network before it, or express it by other operators (docs/onnx.md lists them)',
    );
  }
  const result = read(node);
  node.allAsked();
  return result;
}

function both(node: NodeReading): Computed[] {
  return [node.computed(0), node.computed(1)];
}

/** Before opset 13 the axes from `axis` on are one. */
function softmax(node: NodeReading, Layer: typeof Softmax | typeof LogSoftmax): Computed {
  const rank = node.computed().shape.length;
  const axis = node.axis(node.int('axis', node.opset < 13 ? 1 : -1), rank);
  if (node.opset < 13 && axis !== rank - 1)
    throw node.unsupported(
      `axis expected the last, got ${axis}`,
      'export it with opset 13 or later',
    );
  return node.layer(() => new Layer(axis));
}

/**
 * Another shape. If the number of samples stays on axis 0 it remains free, and so it does if axis 0 of the
 * output holds all that the other axes do not.
 */
function reshape(node: NodeReading, shape: Shape): Computed {
  const x = node.computed();
  if (shapeText(x.shape) === shapeText(shape)) return x;
  if (shape.length === 0 || sizeOf(shape) === 0)
    throw node.unsupported('shape expected with an axis');
  if (x.shape.length > 1 && shape.length > 1 && x.shape[0] === shape[0]) {
    const rest = shape.slice(1);
    return node.reshaped(x, shape, (what) =>
      what === 'flatten' ? new Flatten() : new Unflatten(1, rest),
    );
  }
  const flat = x.shape.length === 1 ? x : node.layer(() => new Flatten(0), [x], '.flatten');
  if (shape.length === 1) return flat;
  return node.layer(() => new Unflatten(0, [-1, ...shape.slice(1)]), [flat]);
}

/**
 * Arithmetic with numbers of the file, one for all elements or one for each channel: a `Normalization`, which
 * is not trained. Undefined if both inputs are computed.
 */
function withConstant(
  node: NodeReading,
  fields: (values: Float32Array) => Partial<Record<'shift' | 'scale' | 'offset', Float32Array>>,
): Computed | undefined {
  const at = node.inputs.findIndex(isConstant);
  if (at < 0) return undefined;
  const x = node.computed(1 - at);
  const constant = node.inputs[at] as Constant;
  const { shape } = x;
  const { values } = constant;
  const rank = shape.length;
  const places = [
    ...Array<number>(Math.max(0, rank - constant.shape.length)).fill(1),
    ...constant.shape,
  ];
  const long = places.flatMap((extent, axis) => (extent > 1 ? [axis] : []));
  const axis = long[0] ?? (rank > 1 ? 1 : 0);
  const last = axis === rank - 1;
  const fits = places.length === rank && rank > 1 && (axis === 1 || last) && long.length < 2;
  if (!fits || (values.length > 1 && values.length !== shape[axis])) {
    throw node.unsupported(
      `a constant expected with one value, or one for each channel of ${shapeText(shape)}, got ` +
        shapeText(constant.shape),
    );
  }
  const c = shape[axis]!;
  if (values.length === 1 && c > 65536) throw node.unsupported('too many channels for a constant');
  const list =
    values.length === 1 ? new Float32Array(c).fill(values[0]!) : Float32Array.from(values);
  const channelsLast = axis !== 1;
  return node.layer(() => withValues(new Normalization(c, { channelsLast }), fields(list)), [x]);
}
