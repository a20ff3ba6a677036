/** The forms that model.json and its shards have: of Keras 2 and 3, quantized, in several shards, and wrong. */
import { describe, expect, it } from 'vitest';
import { Tensor } from '../../src/index.ts';
import { fromLayersModel } from '../../src/keras/index.ts';
import { countAllocations } from '../fuzz/files/allocations.ts';
import * as networks from './networks.ts';
import {
  channelsFirst,
  distance,
  type Files,
  inputsOf,
  keras,
  loaded,
  ours,
  randomize,
  saved,
  tf,
} from './peer.ts';

interface Json {
  [name: string]: Json;
}

/** The files of a small functional model. */
async function small(): Promise<Files & { model: keras.LayersModel }> {
  const model = randomize(networks.twoInputs());
  return { ...(await saved(model)), model };
}

/** A topology as Keras 3 writes it: calls as `{ args, kwargs }`, dtypes as objects, other names of fields. */
function asKeras3(topology: object): object {
  const copy = JSON.parse(JSON.stringify(topology));
  const tensor = (ref: unknown[]) => ({
    class_name: '__keras_tensor__',
    config: { shape: [null], dtype: 'float32', keras_history: ref.slice(0, 3) },
  });
  for (const layer of copy.config.layers) {
    layer.module = 'keras.layers';
    layer.registered_name = null;
    layer.config.dtype = {
      module: 'keras',
      class_name: 'DTypePolicy',
      config: { name: 'float32' },
    };
    if (layer.config.batch_input_shape) {
      layer.config.batch_shape = layer.config.batch_input_shape;
      delete layer.config.batch_input_shape;
    }
    layer.inbound_nodes = layer.inbound_nodes.map((node: unknown[][]) => ({
      args: node.length > 1 ? [node.map(tensor)] : [tensor(node[0]!)],
      kwargs: { training: false, mask: null },
    }));
  }
  copy.config.output_layers = copy.config.output_layers[0];
  copy.class_name = 'Functional';
  return { model_config: copy, keras_version: '3.4.1', backend: 'tensorflow' };
}

async function expectEqual(files: Files, model: keras.LayersModel): Promise<void> {
  const own = fromLayersModel(files.modelJson, files.weights);
  const xs = inputsOf(model);
  const y = own.predict(xs.map((x) => ours(x.rank === 4 ? channelsFirst(x) : x)));
  expect(distance(y, model.predict(xs) as tf.Tensor)).toBeLessThan(1e-5);
}

describe('topologies', () => {
  it('of Keras 3 are read', async () => {
    const { model, modelJson, weights } = await small();
    const changed = { ...modelJson, modelTopology: asKeras3(modelJson.modelTopology) };
    await expectEqual({ modelJson: changed, weights }, model);
  });

  it('of Keras 2, which counts the making of a model inside as its first call, are read', async () => {
    const model = randomize(networks.shared());
    const { modelJson, weights } = await saved(model);
    const inner = /\["inner",(\d)/g;
    const calls = [...JSON.stringify(modelJson).matchAll(inner)].map(([, call]) => Number(call));
    const shift = Math.min(...calls) === 0 ? 1 : -1;
    const text = JSON.stringify(modelJson).replace(
      inner,
      (_, call) => `["inner",${Number(call) + shift}`,
    );
    await expectEqual({ modelJson: JSON.parse(text), weights }, model);
  });

  it('have weights under the names of Keras, too', async () => {
    const { model, modelJson, weights } = await small();
    for (const rename of [
      (layer: string, name: string) => `${layer}/${layer}/${name}:0`,
      (layer: string, name: string) => `model_1/${layer}/${name}`,
    ]) {
      const copy: Files['modelJson'] = JSON.parse(JSON.stringify(modelJson));
      for (const weight of copy.weightsManifest[0]!.weights) {
        const [layer, name] = weight.name.split('/') as [string, string];
        weight.name = rename(layer, name);
      }
      await expectEqual({ modelJson: copy, weights }, model);
    }
  });

  it('of several outputs ask which one', async () => {
    const input = keras.input({ shape: [3] });
    const heads = ['left', 'right'].map(
      (name) => keras.layers.dense({ units: 2, name }).apply(input) as keras.SymbolicTensor,
    );
    const { modelJson, weights } = await saved(keras.model({ inputs: input, outputs: heads }));
    expect(() => fromLayersModel(modelJson, weights)).toThrow(
      /^fromLayersModel: output expected one of the model's 2 outputs \(left, right\), got none/,
    );
    const right = fromLayersModel(modelJson, weights, { output: 'right' });
    expect(Object.keys(right.stateDict())).toEqual(['right.weight', 'right.bias']);
    expect(Object.keys(fromLayersModel(modelJson, weights, { output: 0 }).stateDict())[0]).toBe(
      'left.weight',
    );
  });

  it('with channels in front keep them there', async () => {
    const first = { dataFormat: 'channelsFirst' } as const;
    const { layers } = keras;
    const model = randomize(
      keras.sequential({
        layers: [
          layers.conv2d({ inputShape: [2, 7, 8], filters: 3, kernelSize: 3, ...first }),
          layers.maxPooling2d({ poolSize: 2, ...first }),
          layers.flatten({ ...first }),
          layers.dense({ units: 4 }),
        ],
      }),
    );
    const { modelJson, weights } = await saved(model);
    const [x] = inputsOf(model) as [tf.Tensor];
    const own = fromLayersModel(modelJson, weights);
    expect(distance(own.predict(ours(x)), model.predict(x) as tf.Tensor)).toBeLessThan(1e-5);
  });

  it('that leave sizes open take them as an option', async () => {
    const { layers } = keras;
    const model = randomize(
      keras.sequential({
        layers: [
          layers.conv2d({
            inputShape: [null, null, 2],
            filters: 3,
            kernelSize: 3,
            strides: 2,
            padding: 'same',
          }),
          layers.globalAveragePooling2d({}),
        ],
      }),
    );
    const { modelJson, weights } = await saved(model);
    expect(() => fromLayersModel(modelJson, weights)).toThrow(
      /conv2d.*a known size.*\{ inputShape \}/,
    );
    const x = tf.randomNormal([2, 8, 9, 2], 0, 1, 'float32', 3);
    const own = fromLayersModel(modelJson, weights, { inputShape: [8, 9, 2] });
    expect(
      distance(own.predict(ours(channelsFirst(x))), model.predict(x) as tf.Tensor),
    ).toBeLessThan(1e-5);
  });

  it('give batch norm Keras’s meaning of momentum and variance', async () => {
    const model = keras.sequential({
      layers: [keras.layers.batchNormalization({ inputShape: [2], momentum: 0.9 })],
    });
    const { modelJson, weights } = await saved(model);
    const own = fromLayersModel(modelJson, weights);
    own.forward(Tensor.from([1, 5, 3, 9], [2, 2]));
    const state = own.stateDict();
    const name = Object.keys(state).find((key) => key.endsWith('running_var'))!;
    // 0.9·1 + 0.1·variance, biased: 1 and 4
    for (const [i, value] of [1, 1.3].entries())
      expect(state[name]!.toArray()[i]).toBeCloseTo(value, 6);
  });
});

describe('weights', () => {
  it.each(['uint8', 'uint16', 'float16'] as const)(
    'of %s are read as the real one reads them',
    async (dtype) => {
      const { modelJson } = await small();
      const specs = modelJson.weightsManifest[0]!.weights;
      const sizes = specs.map(({ shape }) => shape.reduce((a, b) => a * b, 1));
      const total = sizes.reduce((a, b) => a + b, 0);
      const bytes = Uint8Array.from(
        { length: total * (dtype === 'uint8' ? 1 : 2) },
        (_, i) => (i * 37 + 11) & 127 & (i % 2 ? 0x3b : 127),
      );
      for (const [i, spec] of specs.entries()) {
        spec.quantization =
          dtype === 'float16'
            ? ({ dtype } as never)
            : {
                dtype,
                scale: dtype === 'uint8' ? 0.004 : 3e-5,
                min: /variance/.test(spec.name) ? 0.25 : -0.25 + i / 50,
              };
      }
      const files = { modelJson, weights: bytes.buffer as ArrayBuffer };
      await expectEqual(files, await loaded(files));
    },
  );

  it('come in one array or in shards', async () => {
    const { modelJson, weights, model } = await small();
    const whole = fromLayersModel(modelJson, weights).stateDict();
    const shards = [weights.slice(0, 13), new Uint8Array(weights, 13, 50), weights.slice(63)];
    const parts = fromLayersModel(
      new TextEncoder().encode(JSON.stringify(modelJson)),
      shards,
    ).stateDict();
    for (const [name, tensor] of Object.entries(whole))
      expect(parts[name]!.toArray()).toEqual(tensor.toArray());
    expect(model.weights.length).toBeGreaterThan(0);
  });
});

describe('errors', () => {
  /** What is thrown for files in which one thing is different. */
  async function fault(change: (json: Json, files: Files) => unknown): Promise<string> {
    const { modelJson, weights } = await small();
    const files = { modelJson, weights };
    change(modelJson as unknown as Json, files);
    try {
      fromLayersModel(files.modelJson, files.weights);
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
      return (error as Error).message;
    }
    return 'none';
  }
  const layer = (json: Json, className: string): Json =>
    (json.modelTopology!.config!.layers as unknown as Json[]).find(
      (entry) => (entry.class_name as unknown) === className,
    )!;

  it('name an unknown layer and its place', async () => {
    expect(
      await fault((json) => Object.assign(layer(json, 'Flatten'), { class_name: 'ConvLSTM2D' })),
    ).toMatch(
      /^fromLayersModel: layer flatten_Flatten\d+ \(ConvLSTM2D\) expected a layer that is supported/,
    );
  });
  it('name an option and what it may be', async () => {
    expect(
      await fault((json) => Object.assign(layer(json, 'Conv2D').config!, { padding: 'wide' })),
    ).toMatch(/\(Conv2D\): padding expected 'valid' or 'same', got the string wide$/);
    expect(
      await fault((json) =>
        Object.assign(layer(json, 'Dense').config!, { activation: '__proto__' }),
      ),
    ).toMatch(/activation expected one of linear, relu/);
  });
  it('say which weight is missing, of another shape, or left over', async () => {
    const first = (json: Json) =>
      (json.weightsManifest as unknown as Json[])[0]!.weights as unknown as Json[];
    expect(await fault((json) => Object.assign(first(json)[0]!, { name: 'other' }))).toMatch(
      /\(Conv2D\): weight kernel expected in the manifest, got none/,
    );
    expect(await fault((json) => Object.assign(first(json)[0]!, { shape: [3, 2, 2, 2] }))).toMatch(
      /weight kernel expected of shape \[2, 2, 2, 3\], got \[3, 2, 2, 2\]/,
    );
    const over = (json: Json, files: Files) => {
      first(json).push({ name: 'left/over', shape: [1], dtype: 'float32' } as unknown as Json);
      files.weights = tf.io.concatenateArrayBuffers([files.weights, new ArrayBuffer(4)]);
    };
    expect(await fault(over)).toMatch(
      /weights expected for the model's layers alone, got others: left\/over/,
    );
    expect(await fault((_, files) => (files.weights = files.weights.slice(4)))).toMatch(
      /weights expected \d+ bytes/,
    );
  });
  it('stop models that call models without end', async () => {
    const config = (name: string, layers: object[], output: string) => ({
      class_name: 'Functional',
      name,
      config: { name, layers, input_layers: [['in', 0, 0]], output_layers: [[output, 1, 0]] },
    });
    const input = {
      class_name: 'InputLayer',
      name: 'in',
      config: { name: 'in', batch_input_shape: [null, 3] },
      inbound_nodes: [],
    };
    const act = {
      class_name: 'ReLU',
      name: 'act',
      config: { name: 'act' },
      inbound_nodes: [[['in', 0, 0, {}]], [['act', 0, 0, {}]]],
    };
    let model = config('m', [input, act], 'act');
    for (let level = 0; level < 25; level++) {
      const twice = { ...model, inbound_nodes: [[['in', 0, 0, {}]], [['m', 0, 0, {}]]] };
      model = config('m', [input, twice], 'm');
    }
    const modelJson = { modelTopology: model, weightsManifest: [] };
    expect(() => fromLayersModel(modelJson, new ArrayBuffer(0))).toThrow(
      /at most 20000 calls of layers, got more/,
    );
  });
  it.each([
    ['Dense', { units: 2 }, 'kernel'],
    ['BatchNormalization', {}, 'gamma'],
    ['LayerNormalization', { scale: false }, 'beta'],
  ])(
    'claim more features for %s than they have weights, and nothing is made for them',
    async (name, fields, weight) => {
      const layers = [
        {
          class_name: 'ZeroPadding2D',
          config: { name: 'pad', padding: 2000, batch_input_shape: [null, 1, 1, 2] },
        },
        { class_name: 'Flatten', config: { name: 'flat' } },
        { class_name: name, config: { name: 'last', ...fields } },
        { class_name: 'Dense', config: { name: 'end', units: 1 } },
      ];
      const modelJson = {
        modelTopology: { class_name: 'Sequential', config: { name: 's', layers } },
        weightsManifest: [
          { paths: ['a'], weights: [{ name: `last/${weight}`, shape: [2], dtype: 'float32' }] },
        ],
      };
      const { bytes } = await countAllocations(async () => {
        expect(() => fromLayersModel(modelJson, new ArrayBuffer(8))).toThrow(
          new RegExp(`weight ${weight} expected of shape \\[32016002.*, got \\[2\\]`),
        );
      });
      expect(bytes).toBeLessThan(1 << 20);
    },
  );
  it('have room for a few names, not for the file', async () => {
    const message = await fault((json) =>
      Object.assign(layer(json, 'Flatten'), { class_name: 'x'.repeat(1e6), name: 'y'.repeat(1e6) }),
    );
    expect(message.length).toBeLessThan(1000);
  });
});
