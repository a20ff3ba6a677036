import { describe, expect, it } from 'vitest';
import { accuracy, argmax, Tensor } from '../../src/index.ts';

describe('Tensor.from', () => {
  it('takes nested, flat and typed arrays', () => {
    expect(
      Tensor.from([
        [1, 2, 3],
        [4, 5, 6],
      ]).shape,
    ).toEqual([2, 3]);
    expect([
      ...Tensor.from([
        [[1], [2]],
        [[3], [4]],
      ]).toArray(),
    ]).toEqual([1, 2, 3, 4]);
    expect(Tensor.from(new Uint8Array([1, 2]), [1, 2]).shape).toEqual([1, 2]);
    expect(Tensor.from(new Float64Array([0.1])).toArray()[0]).toBe(Math.fround(0.1));
    expect(Tensor.from([new Float32Array([1, 2]), new Float32Array([3, 4])]).shape).toEqual([2, 2]);
    expect(Tensor.from(7).shape).toEqual([]);
    expect(Tensor.from(7).item()).toBe(7);
  });

  it('copies: the caller’s array and the tensor do not know each other', () => {
    const data = new Float32Array([1, 2]);
    const tensor = Tensor.from(data);
    data[0] = 9;
    expect([...tensor.toArray()]).toEqual([1, 2]);
    tensor.toArray()[1] = 9;
    expect([...tensor.toArray()]).toEqual([1, 2]);
  });

  it('keeps −0, NaN and infinities', () => {
    const values = Tensor.from([-0, Number.NaN, Infinity, -Infinity]).toArray();
    expect(Object.is(values[0], -0)).toBe(true);
    expect([...values.subarray(1)]).toEqual([Number.NaN, Infinity, -Infinity]);
  });

  it.each([
    ['another size', () => Tensor.from([1, 2, 3], [2, 2]), /expected 4 elements, got 3/],
    ['ragged arrays', () => Tensor.from([[1, 2], [3]]), /ragged/],
    ['deeper in one place', () => Tensor.from([[1], [[2]]] as never), TypeError],
    ['a fractional extent', () => Tensor.from([1], [1.0, 0.5]), /whole extents/],
    ['a string', () => Tensor.from('7' as never), /expected numbers/],
    ['a negative extent', () => Tensor.zeros([-1]), RangeError],
    ['item of many', () => Tensor.from([1, 2]).item(), /one element/],
  ])('refuses %s', (_, make, message) => {
    expect(make).toThrow(message);
  });
});

describe('a Tensor of one’s own', () => {
  it('is set from arrays and tensors of its shape, and no others', () => {
    const tensor = Tensor.zeros([2, 2]);
    tensor.set([1, 2, 3, 4]);
    tensor.set([
      [5, 6],
      [7, 8],
    ]);
    tensor.set(tensor.clone());
    expect([...tensor.toArray()]).toEqual([5, 6, 7, 8]);
    expect(() => tensor.set([1, 2])).toThrow(/expected \[2, 2\], got \[2\]/);
    expect(() => tensor.set([[1, 2, 3, 4]])).toThrow(/got \[1, 4\]/);
    expect([...tensor.toArray()]).toEqual([5, 6, 7, 8]);
  });
});

describe('argmax and accuracy', () => {
  it('take the first of equals, and NaN before all', () => {
    const scores = Tensor.from([
      [1, 3, 3],
      [Number.NaN, 9, Number.NaN],
      [0, 0, 0],
      [-2, -1, -3],
    ]);
    expect([...argmax(scores)]).toEqual([1, 0, 0, 1]);
  });

  it('run along axis 1 of more axes', () => {
    const scores = Tensor.from([
      [
        [1, 9],
        [5, 2],
      ],
      [
        [0, 1],
        [3, 0],
      ],
    ]);
    expect([...argmax(scores)]).toEqual([1, 0, 1, 0]);
    expect(accuracy(scores, [1, 0, 0, 0])).toBe(0.75);
  });

  it('refuse other sizes', () => {
    expect(() => argmax(Tensor.from([1, 2]))).toThrow(/\[N, C\]/);
    expect(() => accuracy(Tensor.from([[1, 2]]), [1, 2])).toThrow(/expected 1 targets, got 2/);
  });
});
