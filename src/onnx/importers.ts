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
import { LocalResponseNorm } from '../layers/norm/localresponsenorm.ts';
import type { Module } from '../module/module.ts';
import { div, neg } from '../ops/arithmetic.ts';
import { abs, exp, log, sqrt } from '../ops/unary.ts';
import { shapeText } from '../tensor/shape.ts';
import type { Computed, Unsupported } from './graph.ts';
import { readAdd, readDiv, readMul, readSub } from './importarithmetic.ts';
import { readGlobalPool, readMean, readPad, readPool, readResize } from './importpools.ts';
import { readRecurrent } from './importsequences.ts';
import {
  readDepthToSpace,
  readFlatten,
  readGather,
  readReshape,
  readSlice,
  readSqueeze,
  readTranspose,
  readUnsqueeze,
} from './importshapes.ts';
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
import { FLOAT, INT32, INT64 } from './tensors.ts';

type Read = (node: NodeReading) => Computed | Unsupported;

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

  Identity: (node) => node.indices(0),
  Cast: readCast,
  Dropout: (node) => {
    const p = node.has('ratio') ? node.float('ratio', 0.5) : (node.constant(1)?.values[0] ?? 0.5);
    node.ignore('seed', 'is_test');
    node.oneOutput();
    return node.layer(() => new Dropout(p));
  },
  Flatten: readFlatten,
  Reshape: readReshape,
  Squeeze: readSqueeze,
  Unsqueeze: readUnsqueeze,
  Transpose: readTranspose,
  Gather: readGather,
  Slice: readSlice,
  DepthToSpace: readDepthToSpace,
  Concat: (node) => {
    const inputs = node.inputs.map((_, i) => node.computed(i));
    const axis = node.axis(node.int('axis', 1), inputs[0]?.shape.length ?? 0);
    return inputs.length === 1 ? inputs[0]! : node.layer(() => new Concat(axis), inputs);
  },
  Sum: (node) => {
    const inputs = node.inputs.map((_, i) => node.computed(i));
    return inputs.length === 1 ? inputs[0]! : node.layer(() => new Add(), inputs);
  },
  Add: readAdd,
  Mul: readMul,
  Sub: readSub,
  Div: readDiv,
  Neg: (node) => node.operations(neg),
  Abs: (node) => node.operations(abs),
  Sqrt: (node) => node.operations(sqrt),
  Exp: (node) => node.operations(exp),
  Log: (node) => node.operations(log),
  Reciprocal: (node) => node.operations((x) => div(1, x)),

  RNN: readRecurrent,
  LSTM: readRecurrent,
  GRU: readRecurrent,
};

export const IMPORTED: readonly string[] = Object.keys(IMPORTERS);

/** The layer of a node. */
export function readNode(node: NodeReading): Computed | Unsupported {
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

/** To floats, which everything here is, or to whole numbers, which indices and lengths are. */
function readCast(node: NodeReading): Computed {
  const x = node.indices(0);
  const to = node.int('to', FLOAT);
  node.ignore('saturate');
  if (to === INT64 || to === INT32) return { ...x, whole: x.whole ?? 'cast' };
  if (to === FLOAT && x.whole !== 'cast') return { ...x, whole: undefined };
  throw node.unsupported(`to expected float, int32 or int64, got data type ${to}`);
}
