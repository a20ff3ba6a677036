/** Small networks of the kinds that are published as layers models, built with the real TensorFlow.js. */
import { keras } from './peer.ts';

const { layers } = keras;
type X = keras.SymbolicTensor;

const apply = (layer: keras.layers.Layer, x: X | X[]): X => layer.apply(x) as X;

function normed(x: X, relu = 6): X {
  const y = apply(layers.batchNormalization({ epsilon: 1e-3 }), x);
  return relu ? apply(layers.reLU(relu === 6 ? { maxValue: 6 } : {}), y) : y;
}

/** Depthwise and pointwise convolutions, a padding layer before strides, and a head of 1×1 convolutions. */
export function mobileNetV1(): keras.LayersModel {
  const input = keras.input({ shape: [20, 20, 3] });
  const conv = (filters: number, kernelSize: number, strides = 1) =>
    layers.conv2d({
      filters,
      kernelSize,
      strides,
      useBias: false,
      padding: strides > 1 ? 'valid' : 'same',
    });
  let x = apply(
    layers.zeroPadding2d({
      padding: [
        [0, 1],
        [0, 1],
      ],
    }),
    input,
  );
  x = normed(apply(conv(8, 3, 2), x));
  for (const [filters, strides] of [
    [12, 1],
    [16, 2],
    [16, 1],
  ] as const) {
    if (strides > 1)
      x = apply(
        layers.zeroPadding2d({
          padding: [
            [0, 1],
            [0, 1],
          ],
        }),
        x,
      );
    const padding = strides > 1 ? 'valid' : 'same';
    x = normed(
      apply(layers.depthwiseConv2d({ kernelSize: 3, strides, padding, useBias: false }), x),
    );
    x = normed(apply(conv(filters, 1), x));
  }
  x = apply(layers.globalAveragePooling2d({}), x);
  x = apply(layers.reshape({ targetShape: [1, 1, 16] }), x);
  x = apply(layers.dropout({ rate: 0.001 }), x);
  x = apply(layers.conv2d({ filters: 10, kernelSize: 1, padding: 'same' }), x);
  x = apply(layers.reshape({ targetShape: [10] }), x);
  return keras.model({
    inputs: input,
    outputs: apply(layers.activation({ activation: 'softmax' }), x),
  });
}

/** Inverted residuals with linear bottlenecks, in part with strides and 'same' padding. */
export function mobileNetV2(): keras.LayersModel {
  const input = keras.input({ shape: [20, 20, 3] });
  let x = normed(
    apply(
      layers.conv2d({ filters: 8, kernelSize: 3, strides: 2, padding: 'same', useBias: false }),
      input,
    ),
  );
  for (const [filters, strides] of [
    [8, 1],
    [12, 2],
    [12, 1],
  ] as const) {
    const channels = x.shape.at(-1)!;
    let y = normed(
      apply(layers.conv2d({ filters: 6 * channels, kernelSize: 1, useBias: false }), x),
    );
    y = normed(
      apply(layers.depthwiseConv2d({ kernelSize: 3, strides, padding: 'same', useBias: false }), y),
    );
    y = normed(apply(layers.conv2d({ filters, kernelSize: 1, useBias: false }), y), 0);
    x = strides === 1 && channels === filters ? apply(layers.add(), [x, y]) : y;
  }
  x = apply(layers.globalAveragePooling2d({}), x);
  return keras.model({
    inputs: input,
    outputs: apply(layers.dense({ units: 10, activation: 'softmax' }), x),
  });
}

/** Branches of several kernels, an average pooling with 'same' padding, and concatenations. */
export function inception(): keras.LayersModel {
  const input = keras.input({ shape: [17, 17, 3] });
  const conv = (
    x: X,
    filters: number,
    kernelSize: number | [number, number],
    strides = 1,
    padding: 'same' | 'valid' = 'same',
  ): X =>
    apply(
      layers.activation({ activation: 'relu' }),
      apply(
        layers.batchNormalization({ scale: false }),
        apply(layers.conv2d({ filters, kernelSize, strides, padding, useBias: false }), x),
      ),
    );
  let x = conv(input, 8, 3, 2, 'valid');
  const pool = apply(layers.averagePooling2d({ poolSize: 3, strides: 1, padding: 'same' }), x);
  x = apply(layers.concatenate({ axis: 3 }), [
    conv(x, 4, 1),
    conv(conv(x, 4, 1), 6, 5),
    conv(conv(conv(x, 4, 1), 6, [1, 7]), 6, [7, 1]),
    conv(pool, 4, 1),
  ]);
  x = apply(layers.concatenate(), [
    conv(x, 8, 3, 2, 'valid'),
    apply(layers.maxPooling2d({ poolSize: 3, strides: 2 }), x),
  ]);
  x = apply(
    layers.separableConv2d({ filters: 12, kernelSize: 3, padding: 'same', activation: 'relu' }),
    x,
  );
  x = apply(layers.flatten(), x);
  x = apply(layers.dense({ units: 12, activation: 'relu' }), x);
  return keras.model({ inputs: input, outputs: apply(layers.dense({ units: 10 }), x) });
}

/** A gate for each channel: squeeze and excitation. */
export function squeezeExcitation(): keras.LayersModel {
  const input = keras.input({ shape: [8, 8, 3] });
  const x = apply(layers.conv2d({ filters: 6, kernelSize: 3, activation: 'swish' }), input);
  let gate = apply(layers.globalAveragePooling2d({}), x);
  gate = apply(layers.reshape({ targetShape: [1, 1, 6] }), gate);
  gate = apply(layers.conv2d({ filters: 2, kernelSize: 1, activation: 'swish' }), gate);
  gate = apply(layers.conv2d({ filters: 6, kernelSize: 1, activation: 'sigmoid' }), gate);
  const y = apply(layers.multiply(), [x, gate]);
  const z = apply(layers.flatten(), y);
  return keras.model({ inputs: input, outputs: apply(layers.dense({ units: 3 }), z) });
}

/** Two inputs, of an image and of features, that are joined behind a Flatten. */
export function twoInputs(): keras.LayersModel {
  const image = keras.input({ shape: [6, 5, 2], name: 'image' });
  const more = keras.input({ shape: [4], name: 'more' });
  const x = apply(layers.flatten(), apply(layers.conv2d({ filters: 3, kernelSize: 2 }), image));
  const y = apply(layers.concatenate(), [more, x]);
  const z = apply(
    layers.dense({ units: 5, activation: 'elu' }),
    apply(layers.batchNormalization({}), y),
  );
  return keras.model({ inputs: [image, more], outputs: apply(layers.dense({ units: 3 }), z) });
}

/** A layer and a model that are called twice, and models inside of models. */
export function shared(): keras.LayersModel {
  const inner = keras.sequential({
    layers: [
      layers.conv2d({ inputShape: [6, 6, 2], filters: 2, kernelSize: 3, padding: 'same' }),
      layers.batchNormalization({}),
    ],
    name: 'inner',
  });
  const a = keras.input({ shape: [6, 6, 2] });
  const b = keras.input({ shape: [6, 6, 2] });
  const act = layers.activation({ activation: 'tanh', name: 'act' });
  const twice = apply(inner, apply(inner, a));
  const sum = apply(layers.add(), [apply(act, twice), apply(act, apply(inner, b))]);
  const dense = layers.dense({ units: 4, name: 'twice' });
  const x = apply(dense, apply(layers.globalAveragePooling2d({}), sum));
  const y = apply(dense, apply(layers.globalMaxPooling2d({}), sum));
  return keras.model({ inputs: [a, b], outputs: apply(layers.concatenate(), [x, y]) });
}

export function sequential(): keras.LayersModel {
  return keras.sequential({
    layers: [
      layers.conv2d({
        inputShape: [9, 8, 2],
        filters: 4,
        kernelSize: 3,
        strides: 2,
        padding: 'same',
        activation: 'relu',
      }),
      layers.maxPooling2d({ poolSize: 2, strides: 1, padding: 'same' }),
      layers.flatten(),
      layers.dropout({ rate: 0.2 }),
      layers.dense({ units: 6, activation: 'relu' }),
      layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });
}
