import * as E from '../../../src/index.ts';
import { fromLayersModel, Rescaling, toLayersModel } from '../../../src/keras/index.ts';
import { type FileReader, stateText } from './reader.ts';

/** A model that was there before the files are read. */
const other = new E.Sequential(new E.Linear(3, 4), new E.BatchNorm1d(4));

/** model.json and its shard as one file: the length of the text, the text, and the bytes of the shard. */
function kerasFile(text: Uint8Array, shard: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 + text.length + shard.length);
  new DataView(bytes.buffer).setUint32(0, text.length);
  bytes.set(text, 4);
  bytes.set(shard, 4 + text.length);
  return bytes;
}

function parts(file: Uint8Array<ArrayBuffer>): [text: Uint8Array<ArrayBuffer>, shard: Uint8Array] {
  const length = file.length < 4 ? 0 : new DataView(file.buffer, file.byteOffset).getUint32(0);
  return [file.slice(4, 4 + length), file.subarray(4 + length)];
}

function seed(model: E.Module, inputShape: number[]): Uint8Array<ArrayBuffer> {
  const { modelJson, weights } = toLayersModel(model, { inputShape });
  return kerasFile(new TextEncoder().encode(JSON.stringify(modelJson)), new Uint8Array(weights));
}

/** A file whose weights are quantized, and that is Sequential with a model inside. */
function quantized(): Uint8Array<ArrayBuffer> {
  const dense = {
    class_name: 'Dense',
    config: { name: 'd', units: 2, use_bias: true, activation: 'relu' },
  };
  const inner = {
    class_name: 'Sequential',
    config: {
      name: 'i',
      layers: [{ ...dense, config: { ...dense.config, batch_input_shape: [null, 3] } }],
    },
  };
  const topology = {
    class_name: 'Sequential',
    config: {
      name: 's',
      layers: [inner, { class_name: 'Softmax', config: { name: 'p', axis: -1 } }],
    },
  };
  const weights = [
    {
      name: 'd/kernel',
      shape: [3, 2],
      dtype: 'float32',
      quantization: { dtype: 'uint8', scale: 0.5, min: -1 },
    },
    { name: 'd/bias', shape: [2], dtype: 'float32', quantization: { dtype: 'float16' } },
  ];
  const json = {
    modelTopology: { model_config: topology },
    weightsManifest: [{ paths: ['a'], weights }],
  };
  return kerasFile(
    new TextEncoder().encode(JSON.stringify(json)),
    Uint8Array.from({ length: 10 }, (_, i) => i),
  );
}

export const keras: FileReader = {
  name: 'fromLayersModel',
  seeds: () => [
    seed(
      new E.Sequential(
        new E.Conv2d(2, 3, 3, { stride: 2, padding: 1 }),
        new E.BatchNorm2d(3),
        new E.ReLU6(),
        new E.Residual(
          new E.Sequential(new E.Conv2d(3, 3, 3, { groups: 3, padding: 'same' }), new E.SiLU()),
        ),
        new E.MaxPool2d(2),
        new E.Upsample({ scaleFactor: 2 }),
        new E.ZeroPad2d([1, -1, 0, 2]),
        new E.Flatten(),
        new E.Dropout(0.2),
        new E.Linear(72, 2),
      ),
      [1, 2, 8, 8],
    ),
    seed(
      new E.Sequential(
        new Rescaling(2, 1),
        new E.Linear(4, 6),
        new E.Unflatten(1, [2, 3]),
        new E.LayerNorm(3),
      ),
      [1, 4],
    ),
    quantized(),
  ],
  errors: /^fromLayersModel: /,
  read: (bytes) => {
    const [text, shard] = parts(bytes);
    const model = fromLayersModel(text, shard);
    model.dispose();
    return Object.values(model.namedModules()).length;
  },
  untouched: () => stateText(other),
  bytesPerByte: 64, // a byte becomes a float32, which is put into another order, checked and copied
  inside: {
    open: (file) => parts(file)[0],
    close: (text, file) => kerasFile(text, parts(file)[1]),
  },
};
