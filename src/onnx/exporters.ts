/** How each layer is written: its evaluation form, as nodes of opset 21. */
import { ELU, SELU } from '../layers/activation/elu.ts';
import { GELU } from '../layers/activation/gelu.ts';
import { GLU } from '../layers/activation/glu.ts';
import { Hardsigmoid, Hardswish, Hardtanh } from '../layers/activation/hardtanh.ts';
import { PReLU } from '../layers/activation/prelu.ts';
import { LeakyReLU, ReLU, ReLU6 } from '../layers/activation/relu.ts';
import { Sigmoid, SiLU } from '../layers/activation/sigmoid.ts';
import { LogSoftmax, Softmax } from '../layers/activation/softmax.ts';
import { Mish, Softplus } from '../layers/activation/softplus.ts';
import { Softsign } from '../layers/activation/softsign.ts';
import { Tanh } from '../layers/activation/tanh.ts';
import { Add } from '../layers/add.ts';
import { MultiheadAttention } from '../layers/attention/attention.ts';
import { BatchNorm } from '../layers/batchnorm/base.ts';
import { Concat } from '../layers/concat.ts';
import { Conv } from '../layers/conv/conv.ts';
import { ConvTranspose1d, ConvTranspose2d } from '../layers/conv/convtranspose.ts';
import { Dropout } from '../layers/dropout.ts';
import { Embedding } from '../layers/embedding.ts';
import { Flatten, Identity, Unflatten } from '../layers/flatten.ts';
import { Linear } from '../layers/linear.ts';
import { Multiply } from '../layers/multiply.ts';
import { GroupNorm } from '../layers/norm/groupnorm.ts';
import { InstanceNorm1d, InstanceNorm2d, InstanceNorm3d } from '../layers/norm/instancenorm.ts';
import { LayerNorm } from '../layers/norm/layernorm.ts';
import { LocalResponseNorm } from '../layers/norm/localresponsenorm.ts';
import { Normalization } from '../layers/norm/normalization.ts';
import { RMSNorm } from '../layers/norm/rmsnorm.ts';
import { ConstantPad2d } from '../layers/pad.ts';
import { Permute } from '../layers/permute.ts';
import { PixelShuffle } from '../layers/pixelshuffle.ts';
import { AdaptiveAvgPool1d, AdaptiveAvgPool2d } from '../layers/pool/adaptiveavgpool.ts';
import { AdaptiveMaxPool1d, AdaptiveMaxPool2d } from '../layers/pool/adaptivemaxpool.ts';
import { AvgPool1d, AvgPool2d } from '../layers/pool/avgpool.ts';
import { GlobalAvgPool } from '../layers/pool/globalavgpool.ts';
import { MaxPool1d, MaxPool2d } from '../layers/pool/maxpool.ts';
import { AvgPool3d, MaxPool3d } from '../layers/pool/pool3d.ts';
import { Upsample } from '../layers/pool/upsample.ts';
import { GRU, LSTM, RNN } from '../layers/recurrent/recurrent.ts';
import { ReflectionPad2d } from '../layers/reflectionpad.ts';
import type { Module } from '../module/module.ts';
import type { Name } from './draft.ts';
import {
  writeBatchNorm,
  writeGroupNorm,
  writeInstanceNorm,
  writeLayerNorm,
  writeLocalResponseNorm,
  writeNormalization,
  writeRMSNorm,
} from './exportnorms.ts';
import {
  writeAdaptiveAvgPool,
  writeAdaptiveMaxPool,
  writeAvgPool,
  writeGlobalAvgPool,
  writeMaxPool,
  writeUpsample,
} from './exportpools.ts';
import { writeAttention, writeRecurrent } from './exportsequences.ts';
import {
  writeConv,
  writeConvTranspose,
  writeConvTranspose1d,
  writeEmbedding,
  writeLinear,
} from './exportweights.ts';
import type { StepDraft } from './step.ts';

/** Writes a layer's nodes and returns the name of its output. */
type Write<L extends Module> = (step: StepDraft, layer: L) => Name;

type Class<L extends Module> = abstract new (...args: never[]) => L;

const table = new Map<unknown, Write<Module>>();

function writes<L extends readonly Module[]>(
  classes: { readonly [K in keyof L]: Class<L[K]> },
  write: Write<L[number]>,
): void {
  for (const each of classes) table.set(each, write as Write<Module>);
}

/**
 * The function that writes a layer, or that of the class that it extends; undefined if there is none. A class that
 * extends a composite may have another forward, so it has none.
 */
export function exporterOf(layer: Module): Write<Module> | undefined {
  if (layer.isComposite) return table.get(layer.constructor);
  let prototype = Object.getPrototypeOf(layer);
  while (prototype && !table.has(prototype.constructor))
    prototype = Object.getPrototypeOf(prototype);
  return prototype ? table.get(prototype.constructor) : undefined;
}

const simple = (opType: string) => (step: StepDraft) => step.result(opType, [step.x]);
const clip = (step: StepDraft, low: number, high: number) =>
  step.result('Clip', [step.x, step.scalar('min', low), step.scalar('max', high)]);
/** One operator of two inputs, for two inputs or more. */
const chain = (opType: string) => (step: StepDraft) => {
  const last = step.inputs.length - 1;
  const join = (a: Name, b: Name, i: number) =>
    i === last - 1 ? step.result(opType, [a, b]) : step.node(opType, [a, b]);
  return step.inputs.slice(1).reduce(join, step.x);
};

writes([Linear], writeLinear);
writes([Conv], writeConv);
writes([ConvTranspose1d], writeConvTranspose1d);
writes([ConvTranspose2d], writeConvTranspose);
writes([Embedding], writeEmbedding);
writes([RNN, LSTM, GRU], writeRecurrent);
writes([MultiheadAttention], writeAttention);

writes([BatchNorm], writeBatchNorm);
writes([LayerNorm], writeLayerNorm);
writes([RMSNorm], writeRMSNorm);
writes([GroupNorm], writeGroupNorm);
writes([InstanceNorm1d, InstanceNorm2d, InstanceNorm3d], writeInstanceNorm);
writes([LocalResponseNorm], writeLocalResponseNorm);
writes([Normalization], writeNormalization);

writes([ReLU], simple('Relu'));
writes([Sigmoid], simple('Sigmoid'));
writes([Tanh], simple('Tanh'));
writes([Softsign], simple('Softsign'));
writes([SELU], simple('Selu'));
writes([Mish], simple('Mish'));
writes([Hardswish], simple('HardSwish'));
writes([Hardsigmoid], (step) =>
  step.result('HardSigmoid', [step.x], { alpha: { float: 1 / 6 }, beta: { float: 0.5 } }),
);
writes([Hardtanh], (step, { minVal, maxVal }) => clip(step, minVal, maxVal));
writes([ReLU6], (step) => clip(step, 0, 6));
writes([LeakyReLU], (step, { negativeSlope, threshold }) => {
  const alpha = { alpha: { float: negativeSlope } };
  if (threshold === 0) return step.result('LeakyRelu', [step.x], alpha);
  const at = step.scalar('threshold', threshold);
  const below = step.node('Mul', [
    step.node('Sub', [step.x, at]),
    step.scalar('slope', negativeSlope),
  ]);
  return step.result('Where', [step.node('Greater', [step.x, at]), step.x, below]);
});
writes([ELU], (step, { alpha }) => step.result('Elu', [step.x], { alpha: { float: alpha } }));
writes([GELU], (step, { approximate }) => step.result('Gelu', [step.x], { approximate }));
writes([SiLU], (step) => step.result('Mul', [step.x, step.node('Sigmoid', [step.x])]));
writes([Softplus], (step, { beta, threshold }) => {
  if (beta === 1 && threshold === 20) return step.result('Softplus', [step.x]);
  const factor = step.scalar('beta', beta);
  const scaled = step.node('Mul', [step.x, factor]);
  const curve = step.node('Div', [step.node('Softplus', [scaled]), factor]);
  const linear = step.node('Greater', [scaled, step.scalar('threshold', threshold)]);
  return step.result('Where', [linear, step.x, curve]);
});
writes([GLU], (step, { dim }) => {
  const axis = dim < 0 ? dim + step.rank : dim;
  const whole = step.inputShape[axis]!;
  const bound = (value: number) => step.integers('bound', [value]);
  const half = (from: number) =>
    step.node('Slice', [step.x, bound(from), bound(from + whole / 2), bound(axis)]);
  return step.result('Mul', [half(0), step.node('Sigmoid', [half(whole / 2)])]);
});
writes([PReLU], (step, { weight, numParameters: c }) => {
  const shape = c > 1 ? [c, ...Array<number>(step.rank - 2).fill(1)] : [1];
  return step.result('PRelu', [step.x, step.parameter(weight, 'weight', shape)]);
});
writes([Softmax], (step, { dim }) => step.result('Softmax', [step.x], { axis: dim }));
writes([LogSoftmax], (step, { dim }) => step.result('LogSoftmax', [step.x], { axis: dim }));

writes([MaxPool1d, MaxPool2d, MaxPool3d], writeMaxPool);
writes([AvgPool1d, AvgPool2d, AvgPool3d], writeAvgPool);
writes([AdaptiveAvgPool1d, AdaptiveAvgPool2d], writeAdaptiveAvgPool);
writes([AdaptiveMaxPool1d, AdaptiveMaxPool2d], writeAdaptiveMaxPool);
writes([GlobalAvgPool], writeGlobalAvgPool);
writes([Upsample], writeUpsample);

writes([Flatten, Unflatten], (step) => step.result('Reshape', [step.x, step.target()]));
writes([Permute], (step, { dims }) => step.result('Transpose', [step.x], { perm: dims }));
writes([ConstantPad2d], (step, { sides: [left, right, top, bottom], value }) => {
  const pads = step.integers('pads', [0, 0, top, left, 0, 0, bottom, right]);
  return step.result('Pad', [step.x, pads, step.scalar('value', value)]);
});
writes([ReflectionPad2d], (step, { sides: [left, right, top, bottom] }) => {
  const pads = step.integers('pads', [0, 0, top, left, 0, 0, bottom, right]);
  return step.result('Pad', [step.x, pads], { mode: 'reflect' });
});
writes([PixelShuffle], (step, { upscaleFactor: blocksize }) =>
  step.result('DepthToSpace', [step.x], { blocksize, mode: 'CRD' }),
);
writes([Dropout, Identity], simple('Identity'));
writes([Add], chain('Add'));
writes([Multiply], chain('Mul'));
writes([Concat], (step, { axis }) => step.result('Concat', step.inputs, { axis }));
