/** The layers of ours that layers of Keras become. */
import { ELU, SELU } from '../layers/activation/elu.ts';
import { GELU } from '../layers/activation/gelu.ts';
import { Hardswish, Hardtanh } from '../layers/activation/hardtanh.ts';
import { PReLU } from '../layers/activation/prelu.ts';
import { LeakyReLU, ReLU, ReLU6 } from '../layers/activation/relu.ts';
import { Sigmoid, SiLU } from '../layers/activation/sigmoid.ts';
import { LogSoftmax, Softmax } from '../layers/activation/softmax.ts';
import { Mish, Softplus } from '../layers/activation/softplus.ts';
import { Softsign } from '../layers/activation/softsign.ts';
import { Tanh } from '../layers/activation/tanh.ts';
import { Add } from '../layers/add.ts';
import { BatchNorm1d, BatchNorm2d, BatchNorm3d } from '../layers/batchnorm/batchnorm.ts';
import { Concat } from '../layers/concat.ts';
import { Conv1d, Conv2d } from '../layers/conv/conv.ts';
import { ConvTranspose2d } from '../layers/conv/convtranspose.ts';
import { Dropout, Dropout2d } from '../layers/dropout.ts';
import { Embedding } from '../layers/embedding.ts';
import { Flatten, Unflatten } from '../layers/flatten.ts';
import { Linear } from '../layers/linear.ts';
import { Multiply } from '../layers/multiply.ts';
import { LayerNorm } from '../layers/norm/layernorm.ts';
import { ZeroPad2d } from '../layers/pad.ts';
import { Permute } from '../layers/permute.ts';
import { AdaptiveAvgPool1d, AdaptiveAvgPool2d } from '../layers/pool/adaptiveavgpool.ts';
import { AdaptiveMaxPool1d, AdaptiveMaxPool2d } from '../layers/pool/adaptivemaxpool.ts';
import { AvgPool1d, AvgPool2d } from '../layers/pool/avgpool.ts';
import { GlobalAvgPool } from '../layers/pool/globalavgpool.ts';
import { MaxPool1d, MaxPool2d } from '../layers/pool/maxpool.ts';
import { Upsample } from '../layers/pool/upsample.ts';
import { GRU, LSTM, RNN } from '../layers/recurrent/recurrent.ts';
import type { Module } from '../module/module.ts';
import { Rescaling } from './rescaling.ts';

const KINDS = {
  ...{ Linear, Conv1d, Conv2d, ConvTranspose2d, BatchNorm1d, BatchNorm2d, BatchNorm3d, LayerNorm },
  ...{
    ReLU,
    ReLU6,
    LeakyReLU,
    PReLU,
    ELU,
    SELU,
    GELU,
    SiLU,
    Mish,
    Sigmoid,
    Tanh,
    Softmax,
    LogSoftmax,
  },
  ...{ Embedding, RNN, LSTM, GRU },
  ...{ Softplus, Softsign, Hardtanh, Hardswish, Rescaling },
  ...{ MaxPool1d, MaxPool2d, AvgPool1d, AvgPool2d, GlobalAvgPool, Upsample },
  ...{ AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool1d, AdaptiveMaxPool2d },
  ...{ Add, Multiply, Concat, Flatten, Unflatten, Permute, ZeroPad2d, Dropout, Dropout2d },
};

export type Kind = keyof typeof KINDS;

export function make(kind: Kind, args: readonly unknown[]): Module {
  const Layer = KINDS[kind] as unknown as new (...args: unknown[]) => Module;
  return new Layer(...args);
}
