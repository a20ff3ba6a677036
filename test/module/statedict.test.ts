/** Loading is all or nothing, whatever the state dict holds. */
import { describe, expect, it } from 'vitest';
import {
  BatchNorm1d,
  type Input,
  Linear,
  type Module,
  ReLU,
  Sequential,
  SGD,
  Tensor,
} from '../../src/index.ts';

const network = () => new Sequential(new Linear(3, 4), new BatchNorm1d(4), new ReLU());

function other(model: Module): Record<string, Tensor> {
  const state = Object.entries(model.stateDict()).map(([name, { shape, size }]) => {
    return [name, size === 1 ? Tensor.from(7) : Tensor.from(new Float32Array(size).fill(7), shape)];
  });
  return Object.fromEntries(state);
}

const numbers = (last: unknown) => ({ data: [1, 2, 3, last], shape: [4] });
const wrong: [what: string, value: unknown][] = [
  ['a string', numbers('4')],
  ['null', numbers(null)],
  ['a BigInt', numbers(4n)],
  ['BigInts', { data: new BigInt64Array(4), shape: [4] }],
  ['an object', numbers({})],
  // biome-ignore lint/suspicious/noSparseArray: what is tested
  ['a hole', { data: [1, 2, , 4], shape: [4] }],
  ['too few numbers', { data: [1, 2], shape: [4] }],
  ['no data', { shape: [4] }],
  ['a number', 4],
  ['nothing', null],
];

describe('loadStateDict', () => {
  const model = network();
  const before = model.stateDict();
  const names = Object.keys(before).filter((name) => before[name]!.size === 4);

  it.each(wrong)('loads nothing where an entry holds %s, and names it', (_, value) => {
    for (const name of names) {
      for (const strict of [true, false]) {
        const state = { ...other(model), [name]: value } as Record<string, Input>;
        expect(() => model.loadStateDict(state, { strict })).toThrow(
          `Sequential.loadStateDict: ${name}`,
        );
        expect(model.stateDict()).toEqual(before);
      }
    }
  });

  it('refuses what holds no entries, and counts that are none', () => {
    for (const state of [null, undefined, 3, 'state']) {
      expect(() => model.loadStateDict(state as never)).toThrow(
        /^Sequential.loadStateDict: expected \w+ by name, got /,
      );
    }
    for (const count of [-1, 0.5, Number.NaN]) {
      const state = { ...other(model), '1.num_batches_tracked': Tensor.from(count) };
      expect(() => model.loadStateDict(state, { strict: false })).toThrow('1.num_batches_tracked');
    }
    expect(model.stateDict()).toEqual(before);
  });

  it('without strict loads what fits, and reports the rest', () => {
    using model = network();
    const state: Record<string, Tensor> = { ...other(model), head: Tensor.from([1]) };
    state['0.weight'] = Tensor.zeros([4, 5]);
    state['1.num_batches_tracked'] = Tensor.from([7]);
    delete state['1.bias'];
    const kept = model.stateDict();
    expect(() => model.loadStateDict(state)).toThrow(
      'Sequential.loadStateDict: nothing was loaded: 0.weight expected [4, 3], got [4, 5]; ' +
        '1.num_batches_tracked expected [], got [1]; missing: 1.bias; unexpected: head ' +
        '(pass { strict: false } to load the entries that match)',
    );
    expect(model.stateDict()).toEqual(kept);
    expect(model.loadStateDict(state, { strict: false })).toEqual({
      missing: ['1.bias'],
      unexpected: ['head'],
      mismatched: ['0.weight', '1.num_batches_tracked'],
    });
    const loaded = model.stateDict();
    for (const name of Object.keys(kept)) {
      const fits = name in state && !['0.weight', '1.num_batches_tracked'].includes(name);
      expect(loaded[name], name).toEqual(fits ? state[name] : kept[name]);
    }
  });

  it('takes the module’s own values, exchanged', () => {
    using layer = new BatchNorm1d(4);
    layer.bias!.assign(Tensor.from([1, 2, 3, 4]));
    const { weight, bias } = layer;
    layer.loadStateDict({ weight: bias!.data, bias: weight!.data }, { strict: false });
    expect(Array.from(weight!.data.toArray())).toEqual([1, 2, 3, 4]);
    expect(Array.from(bias!.data.toArray())).toEqual([1, 1, 1, 1]);
  });

  it('into a model of which a part was disposed of: an error, and the rest stays', () => {
    using model = network();
    const state = other(model);
    model.at(1).dispose();
    const kept = model.at(0).stateDict();
    expect(() => model.loadStateDict(state)).toThrow('used after dispose()');
    expect(model.at(0).stateDict()).toEqual(kept);
  });
});

describe('freeze({ statistics: true })', () => {
  const X = Tensor.from([
    [1, -2, 3],
    [4, 5, -6],
  ]);
  const DY = Tensor.from(new Float32Array(8).fill(1), [2, 4]);

  it('keeps running statistics as evaluation does, after train() too; unfreeze undoes it', () => {
    const [frozen, evaluated] = [network(), network()];
    evaluated.loadStateDict(frozen.stateDict());
    frozen.forward(X); // statistics that are not those of the start
    evaluated.forward(X);
    const kept = frozen.stateDict();
    frozen.freeze({ statistics: true }).train();
    evaluated.eval();
    const y = frozen.forward(X).toArray();
    expect(y).toEqual(evaluated.forward(X).toArray());
    frozen.backward(DY);
    expect(frozen.stateDict()).toEqual(kept);
    frozen.unfreeze();
    evaluated.train();
    expect(frozen.forward(X).toArray()).toEqual(evaluated.forward(X).toArray());
    expect(frozen.stateDict()).toEqual(evaluated.stateDict());
    expect(frozen.stateDict()).not.toEqual(kept);
    for (const model of [frozen, evaluated]) model.dispose();
  });

  it('of a part leaves the rest as it is, and the plain freeze leaves the statistics', () => {
    using model = new Sequential(network(), new Linear(4, 4), new BatchNorm1d(4));
    const [part, , rest] = [...model] as [Sequential, Linear, BatchNorm1d];
    const inner = part.at<BatchNorm1d>(1);
    part.freeze({ statistics: true });
    expect([inner.frozenStatistics, rest.frozenStatistics]).toEqual([true, false]);
    using optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    const before = model.stateDict();
    for (let i = 0; i < 3; i++) {
      optimizer.zeroGrad();
      model.train().forward(X);
      model.backward(DY);
      optimizer.step();
    }
    for (const [name, value] of Object.entries(model.stateDict())) {
      if (name.startsWith('0.')) expect(value, name).toEqual(before[name]);
    }
    expect(model.stateDict()['2.running_mean']).not.toEqual(before['2.running_mean']);
    model.unfreeze();
    expect(inner.frozenStatistics).toBe(false);
    part.freeze();
    expect(inner.frozenStatistics).toBe(false);
  });

  it('does not undo frozenStatistics that was set by hand', () => {
    using bn = new BatchNorm1d(4);
    bn.frozenStatistics = true;
    bn.freeze({ statistics: true });
    bn.unfreeze();
    expect(bn.frozenStatistics).toBe(true);
    bn.frozenStatistics = false;
    bn.freeze({ statistics: true });
    bn.frozenStatistics = false;
    bn.freeze({ statistics: true });
    expect(bn.frozenStatistics).toBe(true);
    bn.unfreeze();
    expect(bn.frozenStatistics).toBe(false);
  });
});
