/** Loading of a part, and of what is no state dict: either everything that should be is loaded, or nothing. */
import { describe, expect, it } from 'vitest';
import { BatchNorm1d, type Input, Linear, Sequential, Tensor } from '../../src/index.ts';
import { stateText } from '../fuzz/files/reader.ts';

const network = () =>
  new Sequential({
    backbone: new Sequential(new Linear(2, 3), new BatchNorm1d(3)),
    head: new Linear(3, 2),
  });

describe('loadStateDict with from', () => {
  it('loads the part of a larger state', () => {
    const whole = network();
    const state = whole.stateDict();
    const backbone = network().at<Sequential>('backbone');
    expect(stateText(backbone)).not.toBe(stateText(whole.at('backbone')));
    const result = backbone.loadStateDict(state, { from: 'backbone.' });
    expect(result).toEqual({ missing: [], unexpected: [], mismatched: [] });
    expect(stateText(backbone)).toBe(stateText(whole.at('backbone')));
  });

  it('checks the names behind the beginning', () => {
    const { 'backbone.1.bias': bias, ...state } = network().stateDict();
    const backbone = network().at<Sequential>('backbone');
    const before = stateText(backbone);
    const load = (strict: boolean) =>
      backbone.loadStateDict(
        { ...state, 'backbone.1.beta': bias!, 'backbone.0.bias': Tensor.zeros([4]) },
        { from: 'backbone.', strict },
      );
    expect(() => load(true)).toThrow(
      'nothing was loaded: 0.bias expected [3], got [4]; missing: 1.bias; unexpected: 1.beta',
    );
    expect(stateText(backbone)).toBe(before);
    expect(load(false)).toEqual({
      ...{ missing: ['1.bias'], unexpected: ['1.beta'], mismatched: ['0.bias'] },
    });
    expect(stateText(backbone)).not.toBe(before);
  });

  it('takes a text', () => {
    const model = network();
    expect(() => model.loadStateDict(model.stateDict(), { from: 'body.' })).toThrow('missing: ');
    expect(() => model.loadStateDict({}, { from: 3 as never })).toThrow(TypeError);
    expect(model.loadStateDict(model.stateDict(), { from: '' }).missing).toEqual([]);
  });
});

describe('a surprise in a later entry leaves everything as it was', () => {
  const good = () => network().stateDict() as Record<string, Input>;
  const two = { data: [1, 2], shape: [2] };
  it.each<[string, unknown]>([
    ['BigInts', { data: BigInt64Array.of(1n, 2n), shape: [2] }],
    ['a list of BigInts', { data: [1n, 2n], shape: [2] }],
    ['texts', { data: ['1', '2'], shape: [2] }],
    ['a hole', { data: Object.assign(new Array(2), { 0: 1 }), shape: [2] }],
    ['too few', { data: [1], shape: [2] }],
    ['a shape of texts', { ...two, shape: ['2'] }],
    ['a negative shape', { ...two, shape: [-2] }],
    ['a shape that is a number', { ...two, shape: 2 }],
    ['null', null],
    ['undefined', undefined],
    ['a number', 3],
    ['a function', () => two],
    ['a plain array', [1, 2]],
    ['another shape', { data: [1, 2], shape: [2, 1] }],
    ['a symbol', { data: [Symbol('s'), 2], shape: [2] }],
    ['a Date', { data: new Date(), shape: [2] }],
    ['objects with numbers', { data: [{ valueOf: () => 1 }, 2], shape: [2] }],
    [
      'a getter that throws',
      {
        shape: [2],
        get data() {
          throw new RangeError('mine');
        },
      },
    ],
    [
      'a length that changes',
      {
        shape: [2],
        data: new Proxy([1, 2], { get: (t, k) => (k === 'length' ? 3 : t[k as never]) }),
      },
    ],
  ])('%s', (_, wrong) => {
    const model = network();
    const before = stateText(model);
    const names = Object.keys(good());
    expect(names.at(-1)).toBe('head.bias');
    const state = { ...good(), 'head.bias': wrong as Input };
    let error: unknown;
    try {
      model.loadStateDict(state);
    } catch (caught) {
      error = caught;
    }
    expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
    expect((error as Error).message).toMatch(/^Sequential\.loadStateDict: .*head\.bias|^mine$/);
    expect(stateText(model)).toBe(before);
  });

  it.each([0.5, -1, Number.NaN, Infinity, 2 ** 53])('a counter of %d', (count) => {
    const model = network();
    const before = stateText(model);
    const state = { ...good(), 'backbone.1.num_batches_tracked': { data: [count], shape: [] } };
    expect(() => model.loadStateDict(state)).toThrow('num_batches_tracked expected');
    expect(stateText(model)).toBe(before);
  });

  it('a model that is disposed of meanwhile', () => {
    const model = network();
    const state = good();
    const bias = state['head.bias']!;
    Object.defineProperty(state, 'head.bias', {
      enumerable: true,
      get: () => {
        model.at('backbone').dispose();
        return bias;
      },
    });
    const head = stateText(model.at('head'));
    expect(() => model.loadStateDict(state)).toThrow('dispose()');
    expect(stateText(model.at('head'))).toBe(head);
  });
});

it('a message does not repeat megabytes of names', () => {
  const model = network();
  const state: Record<string, Input> = {};
  for (let i = 0; i < 5000; i++) state['x'.repeat(1 + i)] = Tensor.zeros([1]);
  const load = () => model.loadStateDict(state);
  expect(load).toThrow(/unexpected: x, xx, .*…/);
  try {
    load();
  } catch (error) {
    expect((error as Error).message.length).toBeLessThan(1200);
  }
  const long = {
    a: { data: [1], shape: new Array(100_000).fill(1) },
    ['y'.repeat(1e6)]: 3 as never,
  };
  expect(() => new Linear(1, 1).loadStateDict(long)).toThrow(/y…/);
});
