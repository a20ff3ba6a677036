/** Descriptions of strangers: errors that name the place, and nothing that is kept. */
import { describe, expect, it } from 'vitest';
import * as E from '../../src/index.ts';
import {
  fromJSON,
  loadModel,
  register,
  saveModel,
  saveSafetensors,
  toJSON,
} from '../../src/state/index.ts';
import { Block, COMPOSITES, Net } from './composites.ts';

const network = () =>
  new E.Sequential(
    new E.Conv2d(3, 8, 3, { padding: 1, bias: false }),
    new E.BatchNorm2d(8),
    new E.ReLU(),
    new E.Residual(new E.Conv2d(8, 8, 1)),
  );

/** The description with a change, as JSON makes it. */
function changed(change: (description: never) => void): never {
  using model = network();
  const description = JSON.parse(JSON.stringify(toJSON(model)));
  change(description as never);
  return description as never;
}

type Change = (d: Record<string, never>) => unknown;
const layers = (d: Record<string, never>) =>
  (d.model as { layers: Record<string, unknown>[] }).layers;

describe('fromJSON', () => {
  it.each<[string, Change, string]>([
    [
      'an unknown option',
      (d) => {
        layers(d)[0]!.options = { paddin: 1 };
      },
      'fromJSON: model.layers[0].options.paddin: unknown option of Conv2d: did you mean padding?',
    ],
    [
      'an unknown option inside a composite',
      (d) => {
        (layers(d)[3]!.body as Record<string, unknown>).options = { odd: 1 };
      },
      'fromJSON: model.layers[3].body.options.odd: unknown option of Conv2d: expected stride, padding',
    ],
    [
      'an unknown layer',
      (d) => {
        layers(d)[2]!.type = 'Relu';
      },
      'fromJSON: model.layers[2].type: unknown layer the string Relu: did you mean ReLU?',
    ],
    [
      'a layer of the name of an object’s method',
      (d) => {
        layers(d)[2]!.type = 'constructor';
      },
      'fromJSON: model.layers[2].type: unknown layer the string constructor: register a class of your own',
    ],
    [
      'an option of another kind',
      (d) => {
        layers(d)[1]!.options = { eps: 'small' };
      },
      'fromJSON: model.layers[1]: BatchNorm2d(8): eps expected a number, got the string small',
    ],
    [
      'arguments that are missing',
      (d) => {
        layers(d)[0]!.args = [3, 8];
      },
      'fromJSON: model.layers[0].args: expected [inChannels, outChannels, kernelSize], got 2 arguments',
    ],
    [
      'a member that the layer does not have',
      (d) => {
        layers(d)[2]!.layers = [];
      },
      'fromJSON: model.layers[2].layers: not of ReLU: expected type, id, name',
    ],
    [
      'more weights than the limit',
      (d) => {
        layers(d)[0]!.args = [100_000, 100_000, 1];
      },
      'fromJSON: model.layers[0]: expected at most 268435456 numbers in all parameters and buffers',
    ],
    [
      'a name that two layers have',
      (d) => {
        layers(d)[0]!.name = 'a';
        layers(d)[1]!.name = 'a';
      },
      'fromJSON: model.layers[1]: expected a name of its own, got that of another layer',
    ],
    [
      'an id that is nowhere',
      (d) => {
        layers(d)[0] = { same: 7 };
      },
      'fromJSON: model.layers[0].same: expected the id of an earlier layer, got the number 7',
    ],
    [
      'a frozen parameter that is not there',
      (d) => {
        d.frozen = ['9.weight'] as never;
      },
      'fromJSON: frozen[0]: expected the name of a parameter, got the string 9.weight',
    ],
    [
      'a newer version',
      (d) => {
        d.version = 2 as never;
      },
      'fromJSON: version expected 1, got the number 2: it was written by a newer evenkeel',
    ],
    [
      'a member of a later version',
      (d) => {
        d.extra = 1 as never;
      },
      'fromJSON: extra: not of a description',
    ],
    [
      'a very long name',
      (d) => {
        layers(d)[2]!.type = 'x'.repeat(1e6);
      },
      'fromJSON: model.layers[2].type: unknown layer the string xxxx',
    ],
  ])('names the place of %s', (_, change, message) => {
    const description = changed(change as never);
    const before = E.memoryUsage().used;
    const { state } = E.defaultGenerator;
    let said = '';
    try {
      fromJSON(description);
    } catch (error) {
      said = (error as Error).message;
    }
    expect(said.startsWith(message), said.slice(0, 300)).toBe(true);
    expect(said.length).toBeLessThan(1000);
    expect(E.memoryUsage().used).toBe(before);
    expect(E.defaultGenerator.state).toEqual(state);
  });

  it('refuses layers that stand too deep in each other, before the stack ends', () => {
    let model: unknown = { type: 'ReLU' };
    for (let i = 0; i < 100_000; i++) model = { type: 'Sequential', layers: [model] };
    const description = { format: 'evenkeel', version: 1, model } as never;
    expect(() => fromJSON(description)).toThrow(/expected layers that stand at most 128 deep/);
  });

  it('pollutes no prototype', () => {
    const text = '{"format":"evenkeel","version":1,"model":{"type":"ReLU","__proto__":{"bad":1}}}';
    expect(() => fromJSON(JSON.parse(text))).toThrow('fromJSON: model.__proto__: not of ReLU');
    expect(({} as { bad?: number }).bad).toBeUndefined();
  });

  it('makes new weights that follow from the seed', () => {
    const description = toJSON(network());
    const weights = () => {
      E.manualSeed(3);
      return fromJSON(description).stateDict()['0.weight']!.toArray();
    };
    expect(weights()).toEqual(weights());
    E.manualSeed(3);
    expect(network().stateDict()['0.weight']!.toArray()).toEqual(weights());
  });
});

describe('loadModel', () => {
  it('says what a file without a description lacks', () => {
    expect(() => loadModel(saveSafetensors(network().stateDict(), { format: 'pt' }))).toThrow(
      'loadModel: expected a description of the model in the metadata (saveModel writes it), got format',
    );
  });

  it('refuses a description of more weights than the file has, before it takes memory', () => {
    const text = JSON.stringify(toJSON(new E.Linear(2, 2))).replace('[2,2]', '[20000,10000]');
    const before = E.memoryUsage().total;
    expect(() =>
      loadModel(saveSafetensors({ weight: E.Tensor.zeros([2, 2]) }, { evenkeel: text })),
    ).toThrow(/^loadModel: model: expected at most 1040 numbers/);
    expect(E.memoryUsage().total).toBe(before);
  });
});

describe('a model of one’s own classes', () => {
  it('is refused with the way out', () => {
    expect(() => toJSON(new E.Sequential(new Block(2)))).toThrow(
      "toJSON: model.layers[0]: expected a layer of the package or a registered one, got Block: register('Block', " +
        "Block), or pass the input's shape, { shape }",
    );
  });

  it('is described by its calls for a shape, with the same keys and outputs', () => {
    for (const name of ['net', 'awkward', 'masked', 'nested', 'sum'] as const) {
      const { make, shape, masked } = COMPOSITES[name]!;
      const model = make();
      const made = loadModel(saveModel(model, { shape: shape as number[] }));
      expect(
        Object.keys(made.stateDict())
          .sort()
          .filter((key) => !/^again\./.test(key)),
      ).toEqual(
        Object.keys(model.stateDict())
          .sort()
          .filter((key) => !/^again\./.test(key)),
      );
      const shapes = (Array.isArray(shape[0]) ? shape : [shape]) as number[][];
      const x = shapes.map((each, i) => {
        const size = each.reduce((a, b) => a * b, 1);
        const data = Float32Array.from({ length: size }, (_, j) =>
          masked && i ? 1 : Math.fround(j % 7) - 3,
        );
        return { data, shape: each };
      });
      expect(made.predict(x).toArray()).toEqual(model.predict(x).toArray());
    }
  });

  it('keeps what is registered, shared layers, and tied weights', () => {
    register('Block', Block, {
      toJSON: ({ channels }) => channels,
      fromJSON: (c) => new Block(c as number),
    });
    register('Net', Net);
    const model = new E.Sequential({ net: new Net(), norm: new E.Softmax() });
    const made = loadModel(saveModel(model)) as E.Sequential;
    expect(made.at('net')).toBeInstanceOf(Net);
    const x = E.Tensor.zeros([2, 4, 6, 6]);
    expect(made.predict(x).toArray()).toEqual(model.predict(x).toArray());

    const first = new E.Linear(4, 4);
    const second = new E.Linear(4, 4, { bias: false });
    (second as { weight: E.Parameter }).weight = first.weight;
    const tied = new E.Sequential(first, new E.Tanh(), second);
    const again = loadModel(saveModel(tied)) as E.Sequential;
    expect(again.at<E.Linear>(2).weight).toBe(again.at<E.Linear>(0).weight);
    expect(again.parameters().length).toBe(2);
  });

  it('cannot take the name of a layer of the package, or have two', () => {
    expect(() => register('ReLU', Net)).toThrow(
      'register: expected a name that no other class has, got ReLU',
    );
    expect(() => register('Other', Net)).toThrow('register: Other: its class is registered as Net');
    expect(() => register('ReLU2', E.Tensor as never)).toThrow(
      /^register: ReLU2 expected a class that extends/,
    );
  });
});
