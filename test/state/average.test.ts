import { describe, expect, it } from 'vitest';
import { BatchNorm1d, Linear, Sequential, type StateDict, Tensor } from '../../src/index.ts';
import { averageStates } from '../../src/state/index.ts';
import { TestRandom } from '../support/random.ts';

const network = () => new Sequential(new Linear(5, 7), new BatchNorm1d(7));
const random = new TestRandom(5);

/** A state with values of its own. */
function state(count = 0): StateDict {
  const model = network();
  for (const { data } of model.parameters()) data.set(random.normals(data.size));
  model.at<BatchNorm1d>(1).numBatchesTracked!.value = count;
  return model.stateDict();
}

describe('averageStates', () => {
  it.each([[undefined], [[1, 2, 4]], [[0.1, 0.2, 0.7]], [[1e308, 1e308, 5e307]], [[5e-324, 0, 0]]])(
    'is the weighted mean: %j',
    (weights) => {
      const states = [state(), state(), state()];
      const mean = averageStates(states, weights);
      expect(Object.keys(mean)).toEqual(Object.keys(states[0]!));
      const shares = weights ?? [1, 1, 1];
      const most = Math.max(...shares);
      const total = shares.reduce((sum, w) => sum + w / most, 0);
      for (const [name, { shape }] of Object.entries(states[0]!)) {
        expect(mean[name]!.shape).toEqual(shape);
        const values = states.map((one) => one[name]!.toArray());
        const expected = values[0]!.map((_, i) =>
          values.reduce((sum, v, k) => sum + ((shares[k]! / most) * v[i]!) / total, 0),
        );
        for (const [i, value] of mean[name]!.toArray().entries()) {
          expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-7 * (1 + Math.abs(value)));
        }
      }
      network().loadStateDict(mean);
    },
  );

  it('of the same state is that state, to the bit, and a copy', () => {
    const one = state(7);
    for (const weights of [[1], [0.1, 0.2, 0.3], [3, 3]]) {
      const mean = averageStates(
        weights.map(() => one),
        weights,
      );
      for (const [name, tensor] of Object.entries(one)) {
        expect(mean[name]!.toArray()).toEqual(tensor.toArray());
      }
      expect(mean['1.num_batches_tracked']!.item()).toBe(7);
      expect(mean['0.weight']).not.toBe(one['0.weight']);
    }
  });

  it('rounds counters, exactly up to 2⁵³', () => {
    const count = (counts: number[], weights?: number[]) =>
      averageStates(
        counts.map((n) => state(n)),
        weights,
      )['1.num_batches_tracked']!.item();
    expect(count([10, 21])).toBe(16);
    expect(count([10, 20], [3, 1])).toBe(13);
    expect(count([2 ** 40 + 1, 2 ** 40 + 3])).toBe(2 ** 40 + 2);
  });

  it('leaves a state of weight 0 out, whatever is in it', () => {
    const broken = state();
    broken['0.weight']!.set(new Float32Array(35).fill(Infinity));
    const good = state();
    const mean = averageStates([broken, good], [0, 2]);
    expect(mean['0.weight']!.toArray()).toEqual(good['0.weight']!.toArray());
    expect(averageStates([broken, good])['0.weight']!.toArray()).toEqual(
      new Float32Array(35).fill(Infinity),
    );
  });

  it('takes what loadStateDict takes, and any names', () => {
    const a = JSON.parse('{"__proto__": {"data": [1], "shape": [1]}}');
    const b = JSON.parse('{"__proto__": {"data": [2], "shape": [1]}}');
    const mean = averageStates([a, b]);
    expect(Object.keys(mean)).toEqual(['__proto__']);
    expect(Object.values(mean)[0]!.item()).toBe(1.5);
  });

  it('says what does not fit together', () => {
    const one = state();
    const { '0.bias': _, ...less } = one;
    const fails = (states: unknown, weights: unknown, message: string, kind = RangeError) => {
      const average = () => averageStates(states as StateDict[], weights as number[]);
      expect(average).toThrow(message);
      expect(average).toThrow(kind);
    };
    fails([], undefined, 'averageStates: expected at least one state, got none');
    fails(one, undefined, 'expected an array of state dicts', TypeError);
    fails([one, less], undefined, 'states[1]: 0.bias is missing, which states[0] has');
    fails([less, one], undefined, 'states[1] expected the names of states[0], got 0.bias, too');
    fails([one, null], undefined, 'states[1]: expected tensors by name, got null', TypeError);
    fails(
      [one, { ...one, '0.bias': Tensor.zeros([3]) }],
      undefined,
      'states[1]: 0.bias expected [7], as in states[0], got [3]',
    );
    fails([one, one], [1], 'weights expected 2 numbers, one a state, got 1');
    fails([one, one], [1, -1], 'weights[1] expected a number ≥ 0, got -1');
    fails([one, one], [1, Number.NaN], 'weights[1] expected');
    fails([one, one], [0, 0], 'weights expected at least one above 0, got 0, 0');
    fails([one, one], 3, 'weights expected an array of numbers', TypeError);
    fails([one, one], [1, '1'], 'weights[1] expected a number', TypeError);
  });
});
