/** What stands in two places of a model has both names in the state dict, and is one parameter. */
import { describe, expect, it } from 'vitest';
import {
  Adam,
  BatchNorm1d,
  ExponentialMovingAverage,
  type Input,
  Linear,
  Module,
  Parameter,
  Sequential,
  type StateDict,
  Tensor,
} from '../../src/index.ts';

/** Two layers that have one weight. */
class Tied extends Module {
  readonly encoder = new Linear(3, 3);
  readonly decoder = new Linear(3, 3);

  constructor() {
    super();
    (this.decoder as { weight: Parameter }).weight = this.encoder.weight;
  }

  override forward(x: Input): Tensor {
    return this.decoder.forward(this.encoder.forward(x));
  }
}

/** One layer under two names, and in an array. */
class Repeated extends Module {
  readonly bn = new BatchNorm1d(2);
  readonly again = this.bn;
  readonly blocks = [new Linear(2, 2, { bias: false }), this.bn];

  override forward(x: Input): Tensor {
    return this.again.forward(this.blocks[0]!.forward(this.bn.forward(x)));
  }
}

const x = Tensor.from([1, 2, 3, 4, 5, 7], [2, 3]);

describe('a tied weight', () => {
  it('has both names in the state dict, and one in the lists', () => {
    const model = new Tied();
    expect(Object.keys(model.stateDict())).toEqual([
      ...['encoder.weight', 'encoder.bias', 'decoder.weight', 'decoder.bias'],
    ]);
    expect(model.namedParameters().map(([name]) => name)).toEqual([
      ...['encoder.weight', 'encoder.bias', 'decoder.bias'],
    ]);
  });

  it('is one for optimizers and averages', () => {
    const model = new Tied();
    using optimizer = new Adam(model.parameters(), { lr: 0.1 });
    using average = new ExponentialMovingAverage(model, { decay: 0.5 });
    const y = model.forward(x);
    model.backward(y.clone());
    optimizer.step();
    average.update();
    expect(Object.keys(optimizer.stateDict().state)).toEqual(['0', '1', '2']);
    expect(optimizer.stateDict().param_groups[0]!.params).toEqual([0, 1, 2]);
    const { state } = average.stateDict();
    expect(Object.keys(state)).toEqual(Object.keys(model.stateDict()));
    expect(state['decoder.weight']!.toArray()).toEqual(state['encoder.weight']!.toArray());
    const own = model.stateDict()['encoder.weight']!.toArray();
    expect(state['encoder.weight']!.toArray()).not.toEqual(own);
    average.loadStateDict(average.stateDict());
    expect(model.stateDict()['encoder.weight']!.toArray()).toEqual(own);
  });

  it('loads from both names, of which the last counts, and from one', () => {
    const model = new Tied();
    const state = new Tied().stateDict();
    const encoder = Tensor.from(new Float32Array(9).fill(1), [3, 3]);
    const decoder = Tensor.from(new Float32Array(9).fill(2), [3, 3]);
    model.loadStateDict({ ...state, 'encoder.weight': encoder, 'decoder.weight': decoder });
    expect(model.encoder.weight.data.toArray()).toEqual(decoder.toArray());
    const once: StateDict = { ...state, 'encoder.weight': encoder };
    delete once['decoder.weight'];
    expect(model.loadStateDict(once)).toEqual({ missing: [], unexpected: [], mismatched: [] });
    expect(model.decoder.weight.data.toArray()).toEqual(encoder.toArray());
    delete once['encoder.weight'];
    expect(() => model.loadStateDict(once)).toThrow('missing: encoder.weight, decoder.weight');
  });
});

describe('a layer in several places', () => {
  it('has all its names in the state dict, and one in the lists', () => {
    const model = new Repeated();
    const names = Object.keys(model.stateDict());
    const own = ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'];
    const of = (place: string) => own.map((name) => `${place}.${name}`);
    expect(names).toEqual([...of('bn'), ...of('again'), 'blocks.0.weight', ...of('blocks.1')]);
    expect(model.namedParameters().map(([name]) => name)).toEqual([
      ...['bn.weight', 'bn.bias', 'blocks.0.weight'],
    ]);
    expect(model.namedBuffers().map(([name]) => name)).toEqual([
      ...['bn.running_mean', 'bn.running_var'],
    ]);
    expect(model.namedModules().map(([name]) => name)).toEqual(['', 'bn', 'blocks.0']);
    const other = new Repeated();
    other.bn.numBatchesTracked!.value = 5;
    model.loadStateDict(other.stateDict());
    expect(model.again.numBatchesTracked!.value).toBe(5);
  });

  it('that contains itself ends there', () => {
    class Loop extends Module {
      readonly weight = new Parameter(Tensor.from([1]));
      readonly self = this;
    }
    class List extends Module {
      readonly weight = new Parameter(Tensor.from([1]));
      readonly items: unknown[] = [this.weight];

      constructor() {
        super();
        this.items.push(this.items);
      }
    }
    expect(Object.keys(new List().stateDict())).toEqual(['weight', 'items.0']);
    expect(Object.keys(new Loop().stateDict())).toContain('weight');
  });
});

describe('names that objects have already', () => {
  it('stay names, in the state dict, in loading and in copies', () => {
    const model = new Sequential(
      new Map([
        ['__proto__', new Linear(2, 2, { bias: false })],
        ['constructor', new Linear(2, 2, { bias: false })],
      ]) as never,
    );
    class Own extends Module {
      readonly parts = JSON.parse('{"__proto__": 0}');

      constructor() {
        super();
        Object.defineProperty(this.parts, '__proto__', {
          value: new Parameter(Tensor.from([3])),
          ...{ enumerable: true, writable: true, configurable: true },
        });
        this.layers = model;
      }

      layers: Module;
    }
    const own = new Own();
    const names = ['parts.__proto__', 'layers.__proto__.weight', 'layers.constructor.weight'];
    expect(Object.keys(own.stateDict())).toEqual(names);
    const copy = own.clone();
    expect(Object.keys(copy.stateDict())).toEqual(names);
    expect(Object.getPrototypeOf(copy.parts)).toBe(Object.prototype);
    own.loadStateDict(Object.assign(Object.create(null), copy.stateDict()));
    class Bare extends Module {
      readonly weights = new Map([['__proto__', new Parameter(Tensor.from([4]))]]);
      override stateName(name: string) {
        return name.replace('weights.', '');
      }
    }
    const bare = new Bare();
    expect(Object.entries(bare.stateDict()).map(([name]) => name)).toEqual(['__proto__']);
    const state = JSON.parse('{"__proto__": {"data": [5], "shape": [1]}}');
    expect(bare.loadStateDict(state).missing).toEqual([]);
    expect(Object.values(bare.stateDict())[0]!.item()).toBe(5);
    expect(bare.loadStateDict({}, { strict: false }).missing).toEqual(['__proto__']);
  });
});
