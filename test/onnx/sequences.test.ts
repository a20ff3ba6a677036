/** Embeddings, recurrent networks and attention as ONNX Runtime computes them, and back. */
import { describe, expect, it } from 'vitest';
import {
  Embedding,
  GRU,
  Linear,
  LSTM,
  Module,
  MSELoss,
  MultiheadAttention,
  manualSeed,
  RNN,
  Sequential,
  SGD,
  Tensor,
  TransformerEncoderLayer,
} from '../../src/index.ts';
import { fromONNX, toONNX } from '../../src/onnx/index.ts';
import type { Draft } from '../../src/onnx/schema.ts';
import { FLOAT } from '../../src/onnx/tensors.ts';
import { decode, encode } from '../../src/onnx/wire.ts';
import { TestRandom } from '../support/random.ts';
import { expectClose, randomInput, shuffled } from './compare.ts';
import { runOnnx } from './runtime.ts';

type Inputs = readonly Tensor[];

const random = new TestRandom(11);
const floats = (...shape: number[]) => randomInput(shape, random);
const whole = (shape: readonly number[], ...values: number[]) => Tensor.from(values, shape);

interface Case {
  readonly name: string;
  readonly make: () => Module;
  /** Inputs as the file is written for, and others whose first axis has another length. */
  readonly inputs: readonly Inputs[];
  readonly fixed?: boolean;
  /** The operator that `fromONNX` does not read. */
  readonly oneWay?: string;
}

const indices = [[whole([2, 3], 0, 3, 6, 1, 1, 5)], [whole([1, 3], 6, 2, 4)]];
const sequence = [[floats(5, 2, 3)], [floats(7, 2, 3)]];
const batch = [[floats(2, 5, 3)], [floats(4, 5, 3)]];
const tokens = [[floats(2, 5, 8)], [floats(4, 5, 8)]];
const padding = [0, 0, 1, 0, 1, 0, 1, 0, 0, 0];

const CASES: readonly Case[] = [
  { name: 'Embedding', make: () => new Embedding(7, 3), inputs: indices },
  { name: 'RNN', make: () => new RNN(3, 4), inputs: sequence },
  {
    name: 'RNN with ReLU, without bias, both directions',
    make: () => new RNN(3, 4, { nonlinearity: 'relu', bias: false, bidirectional: true }),
    inputs: sequence,
  },
  { name: 'LSTM', make: () => new LSTM(3, 4, { batchFirst: true }), inputs: batch },
  {
    name: 'LSTM of two layers and directions, last state',
    make: () =>
      new LSTM(3, 4, { numLayers: 2, bidirectional: true, batchFirst: true, returns: 'last' }),
    inputs: batch,
  },
  { name: 'GRU', make: () => new GRU(3, 4, { numLayers: 3 }), inputs: sequence },
  {
    name: 'GRU in both directions',
    make: () => new GRU(3, 4, { bidirectional: true, batchFirst: true }),
    inputs: batch,
  },
  { name: 'GRU, last state', make: () => new GRU(3, 4, { returns: 'last' }), inputs: sequence },
  {
    name: 'GRU with lengths',
    make: () => new GRU(3, 4, { bidirectional: true, batchFirst: true }),
    inputs: [
      [floats(2, 5, 3), whole([2], 3, 5)],
      [floats(3, 5, 3), whole([3], 1, 4, 2)],
    ],
  },
  {
    name: 'LSTM with lengths, last state',
    make: () => new LSTM(3, 4, { numLayers: 2, batchFirst: true, returns: 'last' }),
    inputs: [
      [floats(2, 5, 3), whole([2], 3, 5)],
      [floats(3, 5, 3), whole([3], 1, 4, 2)],
    ],
  },
  { name: 'attention', make: () => new MultiheadAttention(8, 2), inputs: tokens },
  {
    name: 'causal attention, without bias',
    make: () => new MultiheadAttention(8, 4, { causal: true, bias: false, batchFirst: true }),
    oneWay: 'Trilu',
    inputs: tokens,
  },
  {
    name: 'causal attention, steps first',
    make: () => new MultiheadAttention(8, 4, { causal: true }),
    oneWay: 'Trilu',
    inputs: tokens,
  },
  {
    name: 'attention with a mask',
    make: () => new MultiheadAttention(8, 2, { batchFirst: true, causal: true }),
    oneWay: 'Equal',
    inputs: [[tokens[0]![0]!, whole([2, 5], ...padding)]],
  },
  {
    name: 'attention of queries, keys and values with a mask',
    make: () => new MultiheadAttention(8, 2, { batchFirst: true }),
    oneWay: 'Equal',
    inputs: [[floats(2, 3, 8), floats(2, 5, 8), floats(2, 5, 8), whole([2, 5], ...padding)]],
  },
  {
    name: 'attention of queries, keys and values, steps first, with a mask',
    make: () => new MultiheadAttention(8, 2),
    oneWay: 'Equal',
    inputs: [[floats(3, 2, 8), floats(5, 2, 8), floats(5, 2, 8), whole([2, 5], ...padding)]],
    fixed: true,
  },
  {
    name: 'an encoder layer',
    make: () => new TransformerEncoderLayer(8, 2, { dimFeedforward: 6, batchFirst: true }),
    inputs: tokens,
  },
  {
    name: 'an encoder layer with norms first, GELU and a mask',
    make: () =>
      new TransformerEncoderLayer(8, 2, {
        ...{ dimFeedforward: 6, batchFirst: true, normFirst: true, activation: 'gelu' },
        causal: true,
      }),
    oneWay: 'Equal',
    inputs: [[tokens[0]![0]!, whole([2, 5], ...padding)]],
  },
  {
    name: 'a network',
    make: () =>
      new Sequential({
        table: new Embedding(7, 8),
        encoder: new TransformerEncoderLayer(8, 2, { dimFeedforward: 6, batchFirst: true }),
        rnn: new GRU(8, 4, { batchFirst: true, returns: 'last' }),
      }),
    inputs: indices,
  },
];

function written({ make, inputs, fixed = false }: Case): [Module, Uint8Array] {
  const model = shuffled(make(), new TestRandom(3));
  const shapes = inputs[0]!.map(({ shape }) => shape);
  const inputShape = shapes.length === 1 ? shapes[0]! : shapes;
  return [model, toONNX(model, { inputShape, dynamicBatch: !fixed })];
}

describe('ONNX Runtime computes what predict computes:', () => {
  manualSeed(1);
  it.each(CASES)('$name', async (one) => {
    const [model, bytes] = written(one);
    for (const given of one.inputs) {
      expectClose(await runOnnx(bytes, given), model.predict([...given]));
    }
  });
});

describe('a file of toONNX gives the model again:', () => {
  it.each(CASES.filter(({ oneWay }) => !oneWay))('$name', (one) => {
    const [model, bytes] = written(one);
    const again = fromONNX(bytes);
    for (const given of one.inputs) {
      expectClose(again.predict([...given]), model.predict([...given]));
    }
  });

  it.each(CASES.filter(({ oneWay }) => oneWay))('$name, but for $oneWay', (one) => {
    expect(() => fromONNX(written(one)[1])).toThrow(new RegExp(`\\(${one.oneWay}, opset 21\\): `));
  });
});

describe('fromONNX', () => {
  it('has the state-dict keys of a network of one layer, and trains to the same bits', () => {
    const model = shuffled(
      new Sequential({
        table: new Embedding(7, 3),
        rnn: new LSTM(3, 4, { batchFirst: true, bidirectional: true, returns: 'last' }),
        fc: new Linear(8, 2),
      }),
      new TestRandom(2),
    );
    const again = fromONNX(toONNX(model, { inputShape: [2, 3] }));
    const [mine, its] = [model.stateDict(), again.stateDict()];
    expect(Object.keys(its).sort()).toEqual(Object.keys(mine).sort());
    for (const [name, tensor] of Object.entries(mine)) {
      expect(its[name]!.toArray(), name).toEqual(tensor.toArray());
    }
    const x = indices[0]![0]!;
    const losses = [model, again].map((each) => {
      const optimizer = new SGD(each.parameters(), { lr: 0.1 });
      const loss = new MSELoss();
      return Array.from({ length: 5 }, () => {
        const value = loss.forward(each.forward(x), Tensor.from([1, 1, 1, 1], [2, 2]));
        optimizer.zeroGrad();
        each.backward(loss.backward());
        optimizer.step();
        return value;
      });
    });
    expect(losses[1]).toEqual(losses[0]);
    expect(losses[0]!.at(-1)).toBeLessThan(losses[0]![0]!);
  });

  it.each([false, true])('reads all states and the last, both directions: %s', async (both) => {
    const model = shuffled(new GRU(3, 4, { bidirectional: both }), new TestRandom(6));
    const file = decode('Model', toONNX(model, { inputShape: [5, 2, 3] }));
    const node = file.graph!.node.map((each) =>
      each.opType === 'GRU' ? { ...each, output: [each.output[0]!, 'end'] } : each,
    );
    const end = { name: 'end', type: { tensorType: { elemType: FLOAT } } };
    const graph = { ...file.graph!, node, output: [end, ...file.graph!.output] };
    const bytes = encode('Model', { ...file, graph } as Draft<'Model'>);
    for (const [x] of sequence) {
      expectClose(fromONNX(bytes).predict(x!), await runOnnx(bytes, [x!]));
      expectClose(fromONNX(bytes, { output: 'y' }).predict(x!), model.predict(x!));
    }
  });

  it('refuses what its layers do not have', () => {
    const file = decode('Model', toONNX(new GRU(3, 4), { inputShape: [5, 2, 3] }));
    const changed = (change: object) => {
      const node = file.graph!.node.map((each) =>
        each.opType === 'GRU' ? { ...each, ...change } : each,
      );
      const graph = { ...file.graph!, node };
      return () => fromONNX(encode('Model', { ...file, graph } as Draft<'Model'>));
    };
    expect(changed({})).not.toThrow();
    expect(changed({ attribute: [] })).toThrow('linear_before_reset expected 1, got 0');
    const { attribute, input } = file.graph!.node.find(({ opType }) => opType === 'GRU')!;
    const others = attribute.filter(({ name }) => name !== 'direction');
    const reverse = { name: 'direction', s: new TextEncoder().encode('reverse'), type: 3 };
    expect(changed({ attribute: [...others, reverse] })).toThrow(/direction expected.*got reverse/);
    const clip = { name: 'clip', f: 1, type: 1 };
    expect(changed({ attribute: [...attribute, clip] })).toThrow('attribute clip expected');
    const state = [...input, '', input[3]!];
    expect(changed({ input: state })).toThrow('initial_h expected to be left out, or 0');
    const curves = ['Sigmoid', 'Relu'].map((name) => new TextEncoder().encode(name));
    const activations = { name: 'activations', strings: curves, type: 8 };
    expect(changed({ attribute: [...attribute, activations] })).toThrow(
      'activations expected Sigmoid, Tanh, got Sigmoid, Relu',
    );
  });
});

describe('toONNX', () => {
  it('stores the weights of a layer that is called twice once', () => {
    class Twice extends Module {
      rnn = new GRU(3, 3);
      override forward(x: Tensor): Tensor {
        return this.rnn.forward(this.rnn.forward(x));
      }
    }
    const bytes = toONNX(new Twice(), { inputShape: [5, 2, 3] });
    const { node, initializer } = decode('Model', bytes).graph!;
    const networks = node.filter(({ opType }) => opType === 'GRU');
    expect(networks.map(({ input }) => input[1])).toEqual(['rnn.weight_ih_l0', 'rnn.weight_ih_l0']);
    expect(initializer.filter(({ name = '' }) => name.includes('weight_ih'))).toHaveLength(1);
  });

  it('refuses a subclass of a composite, which may have another forward', () => {
    class Own extends GRU {}
    expect(() => toONNX(new Own(3, 4), { inputShape: [5, 2, 3] })).toThrow(
      'whose weights its layer holds',
    );
  });
});
