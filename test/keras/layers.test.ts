/** Every layer that is read, with several options, against the real TensorFlow.js. */
import { describe, it } from 'vitest';
import { expectSame, keras } from './peer.ts';

const { layers } = keras;
type Layer = keras.layers.Layer;

/** A model of layers in sequence. */
function chain(shape: (number | null)[], ...parts: Layer[]): keras.LayersModel {
  const input = keras.input({ shape });
  let y = input;
  for (const layer of parts) y = layer.apply(y) as keras.SymbolicTensor;
  return keras.model({ inputs: input, outputs: y });
}

const image = [7, 8, 3];
/** The usual one needs methods of tensors that are not loaded here. */
const own = { recurrentInitializer: 'glorotNormal' } as const;
const CASES: Record<string, () => keras.LayersModel> = {
  Dense: () => chain([5], layers.dense({ units: 4 })),
  'Dense without bias': () =>
    chain([5], layers.dense({ units: 4, useBias: false, activation: 'tanh' })),
  'Dense of sequences': () => chain([6, 5], layers.dense({ units: 4, activation: 'softmax' })),
  'Dense of images': () =>
    chain(
      image,
      layers.conv2d({ filters: 2, kernelSize: 3 }),
      layers.dense({ units: 4 }),
      layers.conv2d({ filters: 2, kernelSize: 1 }),
    ),
  Conv1D: () =>
    chain(
      [9, 3],
      layers.conv1d({ filters: 4, kernelSize: 3, strides: 2, padding: 'same' }),
      layers.globalAveragePooling1d(),
    ),
  'Conv1D dilated': () =>
    chain(
      [9, 3],
      layers.conv1d({
        filters: 4,
        kernelSize: 3,
        dilationRate: 2,
        padding: 'same',
        useBias: false,
      }),
      layers.globalMaxPooling1d({} as never),
    ),
  'pooling of signals': () =>
    chain(
      [9, 3],
      layers.maxPooling1d({ poolSize: 3, strides: 2, padding: 'same' }),
      layers.averagePooling1d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 2 }),
    ),
  BatchNormalization: () => chain(image, layers.batchNormalization({})),
  'BatchNormalization of features': () =>
    chain([6], layers.batchNormalization({ scale: false, epsilon: 0.01 })),
  'BatchNormalization without center': () =>
    chain([4, 6], layers.batchNormalization({ center: false })),
  LayerNormalization: () => chain([4, 6], layers.layerNormalization({})),
  'LayerNormalization of images': () =>
    chain(
      image,
      layers.conv2d({ filters: 4, kernelSize: 1 }),
      layers.layerNormalization({ scale: false }),
    ),
  'LayerNormalization without center': () =>
    chain([6], layers.layerNormalization({ center: false })),
  'LayerNormalization of two axes': () =>
    chain([4, 6], layers.layerNormalization({ axis: [1, 2] })),
  SimpleRNN: () => chain([5, 3], layers.simpleRNN({ ...own, units: 4 })),
  'SimpleRNN, all states, ReLU, no bias': () =>
    chain(
      [5, 3],
      layers.simpleRNN({
        ...own,
        units: 4,
        activation: 'relu',
        useBias: false,
        returnSequences: true,
      }),
    ),
  LSTM: () => chain([5, 3], layers.lstm({ units: 4, recurrentActivation: 'sigmoid', ...own })),
  'LSTM of all states, Dense': () =>
    chain(
      [5, 3],
      layers.lstm({ units: 4, recurrentActivation: 'sigmoid', ...own, returnSequences: true }),
      layers.dense({ units: 2 }),
    ),
  'Conv1D, LSTM': () =>
    chain(
      [9, 3],
      layers.conv1d({ filters: 4, kernelSize: 3 }),
      layers.lstm({ units: 4, recurrentActivation: 'sigmoid', ...own }),
    ),
  ReLU: () => chain([9], layers.reLU({})),
  ReLU6: () => chain([9], layers.reLU({ maxValue: 6 })),
  'ReLU below 1': () => chain([9], layers.reLU({ maxValue: 1 })),
  LeakyReLU: () => chain([9], layers.leakyReLU({ alpha: 0.1 })),
  ELU: () => chain([9], layers.elu({})),
  PReLU: () => chain(image, layers.prelu({ sharedAxes: [1, 2] })),
  'PReLU of features': () => chain([9], layers.prelu({})),
  Softmax: () => chain([9], layers.softmax({})),
  'Softmax of channels': () =>
    chain(image, layers.conv2d({ filters: 3, kernelSize: 1 }), layers.softmax({ axis: -1 })),
  MaxPooling2D: () => chain(image, layers.maxPooling2d({ poolSize: 2 })),
  'MaxPooling2D with strides': () =>
    chain(image, layers.maxPooling2d({ poolSize: [3, 2], strides: [1, 2] })),
  ZeroPadding2D: () =>
    chain(
      image,
      layers.zeroPadding2d({
        padding: [
          [0, 1],
          [2, 3],
        ],
      }),
    ),
  'ZeroPadding2D, one number': () => chain(image, layers.zeroPadding2d({ padding: 2 })),
  Cropping2D: () =>
    chain(
      image,
      layers.cropping2D({
        cropping: [
          [0, 1],
          [2, 3],
        ],
      }),
    ),
  GlobalAveragePooling2D: () => chain(image, layers.globalAveragePooling2d({})),
  GlobalMaxPooling2D: () => chain(image, layers.globalMaxPooling2d({})),
  'Flatten, Dense': () =>
    chain(
      image,
      layers.conv2d({ filters: 4, kernelSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 3 }),
    ),
  'Flatten at the end': () =>
    chain(image, layers.conv2d({ filters: 4, kernelSize: 2 }), layers.flatten()),
  'Flatten, norm, activation, dropout, Dense': () =>
    chain(
      image,
      layers.conv2d({ filters: 4, kernelSize: 2 }),
      layers.flatten(),
      layers.batchNormalization({}),
      layers.activation({ activation: 'relu' }),
      layers.dropout({ rate: 0.5 }),
      layers.dense({ units: 3 }),
    ),
  'Flatten, layer norm, Dense': () =>
    chain(image, layers.flatten(), layers.layerNormalization({}), layers.dense({ units: 3 })),
  'Flatten, softmax, Dense': () =>
    chain(
      image,
      layers.flatten(),
      layers.activation({ activation: 'softmax' }),
      layers.dense({ units: 3 }),
    ),
  Reshape: () =>
    chain(
      [24],
      layers.reshape({ targetShape: [2, 3, 4] }),
      layers.conv2d({ filters: 2, kernelSize: 2 }),
    ),
  'Reshape with −1': () =>
    chain(
      image,
      layers.conv2d({ filters: 4, kernelSize: 2 }),
      layers.reshape({ targetShape: [-1, 6] }),
    ),
  'pooled, reshaped, convolved': () =>
    chain(
      image,
      layers.globalAveragePooling2d({}),
      layers.reshape({ targetShape: [1, 1, 3] }),
      layers.conv2d({ filters: 5, kernelSize: 1 }),
      layers.reshape({ targetShape: [5] }),
      layers.activation({ activation: 'softmax' }),
    ),
  Permute: () => chain([4, 6], layers.permute({ dims: [2, 1] })),
  'Permute of images': () =>
    chain(
      image,
      layers.conv2d({ filters: 4, kernelSize: 2 }),
      layers.permute({ dims: [3, 1, 2] }),
      layers.flatten(),
      layers.dense({ units: 3 }),
    ),
  Dropout: () => chain([9], layers.dropout({ rate: 0.3 })),
  UpSampling2D: () => chain(image, layers.upSampling2d({ size: [2, 3] })),
  Rescaling: () => chain(image, layers.rescaling({ scale: 1 / 127.5, offset: -1 } as never)),
};
for (const activation of [
  'linear',
  'relu',
  'relu6',
  'sigmoid',
  'tanh',
  'elu',
  'selu',
  'softplus',
  'softsign',
  'hardSigmoid',
  'swish',
  'mish',
  'gelu',
  'gelu_new',
  'softmax',
  'logSoftmax',
] as const) {
  CASES[`Activation ${activation}`] = () =>
    chain([9], layers.activation({ activation: activation as 'relu' }));
}
for (const padding of ['valid', 'same'] as const)
  for (const [kernel, stride, size] of [
    [3, 1, 7],
    [3, 2, 7],
    [3, 2, 8],
    [2, 1, 7],
    [2, 2, 7],
    [4, 3, 8],
    [5, 2, 6],
    [1, 2, 7],
    [2, 3, 7],
    [3, 2, 3],
  ] as const) {
    const shape = [size, size + 1, 3];
    const name = `kernel ${kernel}, stride ${stride}, ${size}×${size + 1}, ${padding}`;
    CASES[`Conv2D, ${name}`] = () =>
      chain(
        shape,
        layers.conv2d({
          filters: 4,
          kernelSize: kernel > size ? size : kernel,
          strides: stride,
          padding,
        }),
      );
    CASES[`MaxPooling2D, ${name}`] = () =>
      chain(
        shape,
        layers.maxPooling2d({ poolSize: kernel > size ? size : kernel, strides: stride, padding }),
      );
    CASES[`AveragePooling2D, ${name}`] = () =>
      chain(
        shape,
        layers.averagePooling2d({
          poolSize: kernel > size ? size : kernel,
          strides: stride,
          padding,
        }),
      );
    CASES[`Conv2DTranspose, ${name}`] = () =>
      chain(
        shape,
        layers.conv2dTranspose({ filters: 4, kernelSize: kernel, strides: stride, padding }),
      );
    CASES[`DepthwiseConv2D, ${name}`] = () =>
      chain(
        shape,
        layers.depthwiseConv2d({
          kernelSize: kernel > size ? size : kernel,
          strides: stride,
          padding,
          depthMultiplier: 2,
          activation: 'relu6',
        }),
      );
    CASES[`SeparableConv2D, ${name}`] = () =>
      chain(
        shape,
        layers.separableConv2d({
          filters: 5,
          kernelSize: kernel > size ? size : kernel,
          strides: stride,
          padding,
          depthMultiplier: 2,
          activation: 'relu',
        }),
      );
  }
CASES['Conv2D, dilated'] = () =>
  chain(
    [9, 9, 3],
    layers.conv2d({ filters: 4, kernelSize: 3, dilationRate: 2, padding: 'same', useBias: false }),
  );

describe('a layer', () => {
  for (const [name, make] of Object.entries(CASES)) {
    it(`${name}: the same predictions`, async () => {
      await expectSame(make(), /Conv1D|Pooling1D|signals/.test(name) ? { moved: true } : {});
    });
    it(`${name}: the same predictions with Keras’s layout`, async () => {
      await expectSame(make(), { layout: 'NHWC' });
    });
  }
});
