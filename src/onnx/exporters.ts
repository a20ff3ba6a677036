/** How each layer is written: its evaluation form, as nodes of opset 21. */
import { ELU } from '../layers/activation/elu.ts';
import { GELU } from '../layers/activation/gelu.ts';
import { PReLU } from '../layers/activation/prelu.ts';
import { LeakyReLU, ReLU, ReLU6 } from '../layers/activation/relu.ts';
import { Sigmoid, SiLU } from '../layers/activation/sigmoid.ts';
import { LogSoftmax, Softmax } from '../layers/activation/softmax.ts';
import { Tanh } from '../layers/activation/tanh.ts';
import { Add } from '../layers/add.ts';
import { BatchNorm } from '../layers/batchnorm/base.ts';
import { Concat } from '../layers/concat.ts';
import { Conv } from '../layers/conv/conv.ts';
import { ConvTranspose2d } from '../layers/conv/convtranspose.ts';
import { Dropout } from '../layers/dropout.ts';
import { Flatten, Unflatten } from '../layers/flatten.ts';
import { Linear } from '../layers/linear.ts';
import { GroupNorm } from '../layers/norm/groupnorm.ts';
import { InstanceNorm1d, InstanceNorm2d, InstanceNorm3d } from '../layers/norm/instancenorm.ts';
import { LayerNorm } from '../layers/norm/layernorm.ts';
import { LocalResponseNorm } from '../layers/norm/localresponsenorm.ts';
import { Normalization } from '../layers/norm/normalization.ts';
import { RMSNorm } from '../layers/norm/rmsnorm.ts';
import { AdaptiveAvgPool1d, AdaptiveAvgPool2d } from '../layers/pool/adaptiveavgpool.ts';
import { AvgPool1d, AvgPool2d } from '../layers/pool/avgpool.ts';
import { GlobalAvgPool } from '../layers/pool/globalavgpool.ts';
import { MaxPool1d, MaxPool2d } from '../layers/pool/maxpool.ts';
import { Upsample } from '../layers/pool/upsample.ts';
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
  writeAvgPool,
  writeGlobalAvgPool,
  writeMaxPool,
  writeUpsample,
} from './exportpools.ts';
import { writeConv, writeConvTranspose, writeLinear } from './exportweights.ts';
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

/** The function that writes a layer, or that of the class that it extends; undefined if there is none. */
export function exporterOf(layer: Module): Write<Module> | undefined {
  let prototype = Object.getPrototypeOf(layer);
  while (prototype && !table.has(prototype.constructor))
    prototype = Object.getPrototypeOf(prototype);
  return prototype ? table.get(prototype.constructor) : undefined;
}

const simple = (opType: string) => (step: StepDraft) => step.result(opType, [step.x]);
const reshape = (step: StepDraft) => step.result('Reshape', [step.x, step.target()]);

writes([Linear], writeLinear);
writes([Conv], writeConv);
writes([ConvTranspose2d], writeConvTranspose);

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
writes([ReLU6], (step) =>
  step.result('Clip', [step.x, step.scalar('min', 0), step.scalar('max', 6)]),
);
writes([LeakyReLU], (step, { negativeSlope }) =>
  step.result('LeakyRelu', [step.x], { alpha: { float: negativeSlope } }),
);
writes([ELU], (step, { alpha }) => step.result('Elu', [step.x], { alpha: { float: alpha } }));
writes([GELU], (step, { approximate }) => step.result('Gelu', [step.x], { approximate }));
writes([SiLU], (step) => step.result('Mul', [step.x, step.node('Sigmoid', [step.x])]));
writes([PReLU], (step, { weight, numParameters: c }) => {
  const shape = c > 1 ? [c, ...Array<number>(step.rank - 2).fill(1)] : [1];
  return step.result('PRelu', [step.x, step.parameter(weight, 'weight', shape)]);
});
writes([Softmax], (step, { dim }) => step.result('Softmax', [step.x], { axis: dim }));
writes([LogSoftmax], (step, { dim }) => step.result('LogSoftmax', [step.x], { axis: dim }));

writes([MaxPool1d, MaxPool2d], writeMaxPool);
writes([AvgPool1d, AvgPool2d], writeAvgPool);
writes([AdaptiveAvgPool1d, AdaptiveAvgPool2d], writeAdaptiveAvgPool);
writes([GlobalAvgPool], writeGlobalAvgPool);
writes([Upsample], writeUpsample);

writes([Flatten, Unflatten], reshape);
writes([Dropout], simple('Identity'));
writes([Add], (step) => step.result(step.inputs.length === 2 ? 'Add' : 'Sum', step.inputs));
writes([Concat], (step, { axis }) => step.result('Concat', step.inputs, { axis }));
