/** Which function reads which layer of Keras. */
import type { Call, Value } from '../builder.ts';
import {
  readActivation,
  readELU,
  readLeakyReLU,
  readPReLU,
  readReLU,
  readSoftmax,
} from './activation.ts';
import { readConv, readConvTranspose, readDepthwiseConv, readSeparableConv } from './conv.ts';
import { readDense } from './dense.ts';
import { readConcatenate, readMerge } from './merge.ts';
import { readBatchNorm, readLayerNorm } from './norm.ts';
import { readGlobalPool, readPool, readUpSampling } from './pool.ts';
import { readEmbedding, readRecurrent } from './sequences.ts';
import {
  readDropout,
  readFlatten,
  readMargin,
  readPermute,
  readRescaling,
  readReshape,
} from './shape.ts';

/** What a layer asks of the axes of its input. */
export type Wish =
  /** Channels in front, unless `data_format` says that Keras has them there. */
  | 'channels'
  /** Keras's order. */
  | 'keras'
  /** Any, and its output has the same. */
  | 'any'
  /** Any, but the output is no image. */
  | 'end';

interface Reader {
  readonly read: (call: Call, onlyDense: boolean) => Value;
  readonly wish: Wish;
  /** Whether the layer treats all features alike, or has one parameter for each, so that they may change places. */
  readonly permutes?: true;
}

const channels = (read: Reader['read']): Reader => ({ read, wish: 'channels' });
const pointwise = (read: Reader['read']): Reader => ({ read, wish: 'any', permutes: true });

const READERS: Readonly<Record<string, Reader>> = {
  Dense: { read: readDense, wish: 'keras' },
  Conv1D: channels(readConv),
  Conv2D: channels(readConv),
  DepthwiseConv2D: channels(readDepthwiseConv),
  SeparableConv2D: channels(readSeparableConv),
  Conv2DTranspose: channels(readConvTranspose),
  BatchNormalization: pointwise(readBatchNorm),
  LayerNormalization: { read: readLayerNorm, wish: 'keras' },
  Activation: pointwise(readActivation),
  ReLU: pointwise(readReLU),
  LeakyReLU: pointwise(readLeakyReLU),
  ELU: pointwise(readELU),
  PReLU: { read: readPReLU, wish: 'any' },
  Softmax: { read: readSoftmax, wish: 'any' },
  MaxPooling1D: channels(readPool),
  MaxPooling2D: channels(readPool),
  AveragePooling1D: channels(readPool),
  AveragePooling2D: channels(readPool),
  GlobalAveragePooling1D: channels(readGlobalPool),
  GlobalAveragePooling2D: channels(readGlobalPool),
  GlobalMaxPooling1D: channels(readGlobalPool),
  GlobalMaxPooling2D: channels(readGlobalPool),
  UpSampling1D: channels(readUpSampling),
  UpSampling2D: channels(readUpSampling),
  ZeroPadding2D: channels(readMargin),
  Cropping2D: channels(readMargin),
  Embedding: { read: readEmbedding, wish: 'keras' },
  SimpleRNN: { read: readRecurrent, wish: 'keras' },
  LSTM: { read: readRecurrent, wish: 'keras' },
  GRU: { read: readRecurrent, wish: 'keras' },
  Add: { read: readMerge, wish: 'any' },
  Multiply: { read: readMerge, wish: 'any' },
  Concatenate: { read: readConcatenate, wish: 'any', permutes: true },
  Flatten: { read: readFlatten, wish: 'end' },
  Reshape: { read: readReshape, wish: 'keras' },
  Permute: { read: readPermute, wish: 'keras' },
  Dropout: pointwise(readDropout),
  SpatialDropout2D: channels(readDropout),
  Rescaling: pointwise(readRescaling),
  Identity: pointwise((call) => call.input()),
};

export function readerOf(className: string): Reader | undefined {
  return Object.hasOwn(READERS, className) ? READERS[className] : undefined;
}

export const LAYERS: readonly string[] = Object.keys(READERS);
