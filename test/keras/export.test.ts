/** Our layers as layers of Keras, which the real TensorFlow.js reads and runs. */
import { describe, expect, it } from 'vitest';
import * as E from '../../src/index.ts';
import { Rescaling, toLayersModel } from '../../src/keras/index.ts';
import { TestRandom } from '../support/random.ts';
import { channelsFirst, distance, type Files, inputsOf, loaded, ours, type tf } from './peer.ts';

const image = [1, 3, 8, 9];
const conv = (...args: ConstructorParameters<typeof E.Conv2d>) => new E.Conv2d(...args);

/** Layers in sequence, by what they are about, and the shape of their input. */
const CASES: Record<string, [E.Module[], number[]]> = {
  Linear: [
    [new E.Linear(5, 4), new E.ReLU(), new E.Linear(4, 3, { bias: false })],
    [1, 5],
  ],
  'Linear of sequences': [
    [new E.Linear(5, 4), new E.LayerNorm(4), new E.Softmax(-1)],
    [1, 6, 5],
  ],
  Conv1d: [
    [
      new E.Conv1d(3, 4, 3, { stride: 2, padding: 1 }),
      new E.BatchNorm1d(4),
      new E.ReLU(),
      new E.GlobalAvgPool(),
    ],
    [1, 3, 9],
  ],
  'pooled signals': [
    [
      new E.Conv1d(3, 4, 3, { padding: 'same' }),
      new E.MaxPool1d(2),
      new E.Flatten(),
      new E.Linear(16, 2),
    ],
    [1, 3, 8],
  ],
  'Conv2d, symmetrical padding with a stride': [[conv(3, 4, 3, { stride: 2, padding: 1 })], image],
  'Conv2d, same': [[conv(3, 4, [3, 2], { padding: 'same', dilation: [1, 2] })], image],
  'Conv2d, depthwise': [[conv(3, 6, 3, { groups: 3, padding: [0, 1, 2, 0] }), new E.SiLU()], image],
  'ConvTranspose2d, a stride': [[new E.ConvTranspose2d(3, 4, 4, { stride: 2, padding: 1 })], image],
  ConvTranspose2d: [[new E.ConvTranspose2d(3, 4, 3, { bias: false }), new E.Tanh()], image],
  'a small ResNet': [
    [
      conv(3, 8, 7, { stride: 2, padding: 3, bias: false }),
      new E.BatchNorm2d(8),
      new E.ReLU(),
      new E.MaxPool2d(3, { stride: 2, padding: 1 }),
      new E.Residual(
        new E.Sequential(conv(8, 8, 3, { padding: 1, bias: false }), new E.BatchNorm2d(8)),
      ),
      new E.ReLU(),
      new E.AdaptiveAvgPool2d(1),
      new E.Flatten(),
      new E.Linear(8, 5),
    ],
    image,
  ],
  'flattened, norm, Linear': [
    [
      conv(3, 4, 3),
      new E.Flatten(),
      new E.BatchNorm1d(168),
      new E.Dropout(0.3),
      new E.Linear(168, 3),
    ],
    image,
  ],
  'flattened, layer norm': [[conv(3, 4, 3), new E.Flatten(), new E.LayerNorm(168)], image],
  pooling: [[new E.AvgPool2d(2), new E.MaxPool2d([2, 1])], image],
  'pooling, ceil': [[new E.MaxPool2d(3, { stride: 2, ceilMode: true })], [1, 3, 8, 8]],
  'average that counts its padding': [
    [new E.AvgPool2d(3, { stride: 2, padding: 1 })],
    [1, 3, 9, 9],
  ],
  'average that does not': [
    [new E.AvgPool2d(3, { stride: 1, padding: 1, countIncludePad: false })],
    image,
  ],
  adaptive: [[new E.AdaptiveMaxPool2d([4, 3])], image],
  'upsampled, padded and cropped': [
    [new E.Upsample({ scaleFactor: [2, 3] }), new E.ZeroPad2d([1, -2, 3, 0])],
    image,
  ],
  unflattened: [
    [new E.Linear(5, 24), new E.Unflatten(1, [2, 3, 4]), conv(2, 3, 2)],
    [1, 5],
  ],
  permuted: [[conv(3, 4, 3), new E.Permute([0, 1, 3, 2])], image],
  scaled: [
    [
      new Rescaling(0.5, -1),
      new E.PReLU(3),
      new E.LeakyReLU(0.2),
      new E.Hardtanh(0, 4),
      new E.ReLU6(),
    ],
    image,
  ],
  activations: [
    [
      new E.SELU(),
      new E.ELU(),
      new E.Softsign(),
      new E.Mish(),
      new E.Tanh(),
      new E.Sigmoid(),
      new E.Softplus(),
      new E.GELU(),
      new E.Identity(),
      new E.LogSoftmax(),
    ],
    [1, 7],
  ],
  'softmax of channels': [[conv(3, 4, 3), new E.Softmax(1)], image],
};

/** Running statistics as after some training. */
function settle(model: E.Module): void {
  const random = new TestRandom(5);
  const state = model.stateDict();
  for (const [name, tensor] of Object.entries(state)) {
    if (/running_/.test(name)) tensor.set(random.uniforms(tensor.size, 0.5, 1.5));
  }
  model.loadStateDict(state);
}

describe('ours as a layers model', () => {
  for (const [name, [layers, inputShape]] of Object.entries(CASES)) {
    it(`${name}: the real one predicts the same`, async () => {
      const model = new E.Sequential(...layers);
      settle(model);
      const theirs = await loaded(toLayersModel(model, { inputShape }) as unknown as Files);
      const xs = inputsOf(theirs);
      const signals = /Conv1d|signals/.test(name);
      const put = (x: tf.Tensor) =>
        x.rank === 4 || (signals && x.rank === 3) ? channelsFirst(x) : x;
      const y = model.predict(xs.map((x) => ours(put(x))));
      expect(distance(y, put(theirs.predict(xs) as tf.Tensor))).toBeLessThan(1e-5);
    });
  }

  it('names what Keras lacks, with its place', () => {
    const model = new E.Sequential({ conv: conv(4, 4, 3, { groups: 2 }), relu: new E.ReLU() });
    expect(() => toLayersModel(model, { inputShape: [1, 4, 8, 8] })).toThrow(
      /^toLayersModel: conv \(Conv2d\(4, 4, 3\)\) expected what Keras has, got groups 2/,
    );
    const norm = new E.Sequential({ first: new E.Linear(4, 4), norm: new E.GroupNorm(2, 4) });
    expect(() => toLayersModel(norm)).toThrow(
      /^toLayersModel: norm \(GroupNorm.* a layer that it lacks/,
    );
    expect(() => toLayersModel(new E.ReLU())).toThrow(/pass \{ inputShape/);
  });
});
