/** What a caller passes in is read and checked once: what happens to it later has no effect. */
import { describe, expect, it } from 'vitest';
import { CrossEntropyLoss, Layer, Linear, Parameter, Sequential, Tensor } from '../../src/index.ts';

describe('a shape', () => {
  it("of a Tensor cannot be changed, neither through the caller's array", () => {
    const shape = [2, 3];
    const tensors = [Tensor.from([1, 2, 3, 4, 5, 6], shape), Tensor.zeros(shape)];
    tensors.push(new Linear(3, 4).forward(tensors[0]!), new Linear(3, 2).predict(tensors[0]!));
    shape[0] = 1000;
    for (const tensor of tensors) {
      expect(tensor.shape[0]).toBe(2);
      expect(() => {
        (tensor.shape as number[])[0] = 1000;
      }).toThrow(TypeError);
      expect(tensor.toArray()).toHaveLength(tensor.size);
    }
  });

  it('that a plan was made for may be used again for another', () => {
    const model = new Sequential(new Linear(3, 2));
    const shape = [2, 3];
    const six = { data: [1, 2, 3, 4, 5, 6], shape };
    const first = model.forward(six).toArray();
    shape[0] = 1;
    expect(model.forward({ data: [1, 2, 3], shape }).shape).toEqual([1, 2]);
    shape[0] = 2;
    expect(model.forward(six).toArray()).toEqual(first);
  });

  it("that a loss was given may change before the loss's backward", () => {
    const loss = new CrossEntropyLoss();
    const shape = [2, 3];
    loss.forward({ data: [1, 2, 3, 4, 5, 6], shape }, [0, 1]);
    shape[0] = 1000;
    expect(loss.backward().shape).toEqual([2, 3]);
  });

  it('that a Layer returns may be the same array each time', () => {
    class Halved extends Layer {
      readonly shared = [0, 0];
      override outputShape([n, c]: readonly number[]) {
        this.shared[0] = n!;
        this.shared[1] = c! / 2;
        return this.shared;
      }
      override compute(x: Float32Array, y: Float32Array): void {
        for (let i = 0; i < y.length; i++) y[i] = x[2 * i]!;
      }
      override differentiate(dy: Float32Array, dx: Float32Array | null): void {
        dx?.forEach((_, i) => {
          dx[i] = i % 2 ? 0 : dy[i / 2]!;
        });
      }
    }
    const layer = new Halved();
    const model = new Sequential(layer, new Linear(2, 1));
    const four = Tensor.zeros([4, 4]);
    expect(model.forward(four).shape).toEqual([4, 1]);
    expect(model.forward(Tensor.zeros([3, 4])).shape).toEqual([3, 1]);
    layer.shared.fill(1000);
    expect(model.forward(four).shape).toEqual([4, 1]);
    expect(model.backward(Tensor.zeros([4, 1])).shape).toEqual([4, 4]);
  });
});

describe('data that is not numbers', () => {
  const cases: [string, ArrayLike<unknown>, string][] = [
    ['strings', ['1', 2], 'the string 1 at [0]'],
    ['null', [1, null], 'null at [1]'],
    ['holes', Object.assign(new Array(2), { 0: 1 }), 'undefined at [1]'],
    ['objects', [1, {}], 'a Object at [1]'],
    ['BigInts', new BigInt64Array(2), 'the bigint 0 at [0]'],
  ];
  it.each(cases)('is refused before anything changes: %s', (_, data, what) => {
    const input = { data: data as number[], shape: [1, 2] };
    const linear = new Linear(2, 2);
    const before = linear.weight.data.toArray();
    expect(() => linear.forward(input)).toThrow(`Linear(2, 2): data expected numbers, got ${what}`);
    expect(() => linear.predict(input)).toThrow('data expected numbers');
    linear.forward(Tensor.zeros([1, 2]));
    expect(() => linear.backward(input)).toThrow('data expected numbers');
    expect(linear.backward(Tensor.zeros([1, 2])).size).toBe(2);
    const state = { weight: { data: [1, 2, 3, 4], shape: [2, 2] }, bias: { ...input, shape: [2] } };
    expect(() => linear.loadStateDict(state)).toThrow('data expected numbers');
    expect(linear.weight.data.toArray()).toEqual(before);
    expect(() => new Parameter(input)).toThrow('data expected numbers');
  });
});
