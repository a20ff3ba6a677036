/** Layers that move numbers: they compare bits. */
import { describe, expect, it } from 'vitest';
import { CopyShape } from '../../src/generated/kernels.ts';
import {
  ConstantPad2d,
  Flatten,
  Identity,
  type Module,
  Permute,
  ReLU,
  Sequential,
  Tensor,
  Unflatten,
  ZeroPad2d,
} from '../../src/index.ts';
import * as reference from '../reference/ops.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';
import { struct } from '../support/struct.ts';

const random = new TestRandom(41);
const draw = (...shape: number[]) => ({ shape, data: random.normals(reference.sizeOf(shape)) });

/** y and dx of a layer alone and between two others, whoever shares memory with whom. */
function check(
  layer: Module,
  x: reference.Array64,
  y: reference.Array64,
  backward: (dy: reference.Array64) => reference.Array64,
): void {
  const dy = draw(...y.shape);
  const expected = Float32Array.from(y.data);
  const slopes = Float32Array.from(backward(dy).data);
  const input = x as { data: Float32Array; shape: number[] };
  const out = layer.forward(input);
  expect(out.shape).toEqual(y.shape);
  expect(out.toArray()).toEqual(expected);
  expect(layer.predict(input).toArray()).toEqual(expected);
  expect(layer.backward(dy).toArray()).toEqual(slopes);
  const model = new Sequential(new ReLU(), layer, new ReLU());
  const above = { ...x, data: Float32Array.from(x.data, (v) => Math.abs(v) + 1) };
  model.forward(above as typeof input);
  const positive = model.predict(above as typeof input).toArray();
  const passed = { ...dy, data: dy.data.map((v, i) => (positive[i]! > 0 ? v : 0)) };
  expect([...model.backward(dy).toArray()].map((v) => v + 0)).toEqual(
    [...Float32Array.from(backward(passed).data)].map((v) => v + 0),
  );
}

describe('Permute', () => {
  it.each([
    [[3], [0]],
    [
      [5, 7],
      [1, 0],
    ],
    [
      [2, 3, 4, 5],
      [0, 2, 3, 1],
    ],
    [
      [2, 5, 4, 3],
      [0, 3, 1, 2],
    ],
    [
      [2, 17, 9],
      [-1, 1, 0],
    ],
    [
      [2, 3, 4, 5],
      [0, 2, 1, 3],
    ],
    [
      [2, 8, 1, 12],
      [0, 2, 1, 3],
    ],
    [
      [8, 12],
      [1, 0],
    ],
    [
      [2, 3, 2, 3, 2, 3],
      [5, 3, 1, 4, 2, 0],
    ],
  ])('of %j by %j', (shape, dims) => {
    const x = draw(...shape);
    const own = dims.map((dim) => (dim + shape.length) % shape.length);
    const back = own.map((_, i) => own.indexOf(i));
    check(new Permute(dims), x, reference.permute(x, own), (dy) => reference.permute(dy, back));
  });

  it('names what is wrong', () => {
    expect(() => new Permute([0, 0])).toThrow(
      'Permute: dims expected to have each axis once, got [0, 0]',
    );
    expect(() => new Permute([0, 2])).toThrow(RangeError);
    expect(() => new Permute([1, 0]).forward(Tensor.zeros([2, 3, 4]))).toThrow(
      'Permute([1, 0]): input expected to have 2 axes, got [2, 3, 4]',
    );
  });
});

describe('ConstantPad2d and ZeroPad2d', () => {
  it.each([
    [
      [2, 3, 4, 5],
      [1, 2, 3, 4],
    ],
    [
      [2, 3, 4, 5],
      [0, 0, 0, 0],
    ],
    [
      [1, 2, 6, 9],
      [-1, -2, -3, -1],
    ],
    [
      [1, 2, 6, 9],
      [-1, 2, 3, -4],
    ],
    [
      [2, 1, 3, 3],
      [0, 1, 0, 0],
    ],
    [
      [1, 1, 1, 17],
      [3, 0, 0, 2],
    ],
  ])('of %j by %j', (shape, sides) => {
    const x = draw(...shape);
    const padding = sides as [number, number, number, number];
    const back = sides.map((side) => -side);
    const backward = (dy: reference.Array64) => reference.pad(dy, back, 0);
    check(new ConstantPad2d(padding, 1.5), x, reference.pad(x, sides, 1.5), backward);
    check(new ZeroPad2d(padding), x, reference.pad(x, sides, 0), backward);
  });

  it('name themselves and what is wrong', () => {
    expect(`${new ZeroPad2d(2)} ${new ConstantPad2d([1, 2, 0, 0], -Infinity)}`).toBe(
      'ZeroPad2d(2) ConstantPad2d([1, 2, 0, 0], -Infinity)',
    );
    expect(() => new ZeroPad2d(-2).forward(Tensor.zeros([1, 1, 4, 9]))).toThrow(
      'ZeroPad2d(-2): input expected larger than what is taken away, got [1, 1, 4, 9]',
    );
    expect(() => new ZeroPad2d(1).forward(Tensor.zeros([4, 9]))).toThrow('[N, C, H, W]');
    expect(() => new ZeroPad2d([1, 2] as never)).toThrow('[left, right, top, bottom]');
  });
});

describe('Identity and Unflatten', () => {
  it('Identity is its input', () => {
    const x = draw(2, 3, 4);
    check(new Identity(), x, x, (dy) => dy);
  });

  it('Flatten(0) and Unflatten with one free size give any shape', () => {
    const x = draw(4, 3, 2);
    const model = new Sequential(new Flatten(0), new Unflatten(0, [2, -1, 3]));
    check(model, x, { ...x, shape: [2, 4, 3] }, (dy) => dy);
    expect(() => new Unflatten(0, [-1, 5]).forward(x)).toThrow(
      'Unflatten(0, [-1, 5]): axis 0 expected a multiple of 5 long, got input [4, 3, 2]',
    );
    expect(() => new Unflatten(0, [-1, -1])).toThrow(RangeError);
  });
});

describe('the kernels', () => {
  const shapeOf = (n: number[], y: number[], x: number[]) =>
    struct(
      CopyShape,
      Object.fromEntries(
        [0, 1, 2, 3, 4, 5].flatMap((i) => [
          [`n${i}`, n[i - 6 + n.length] ?? 1],
          [`y${i}`, y[i - 6 + y.length] ?? 0],
          [`x${i}`, x[i - 6 + x.length] ?? 0],
        ]),
      ) as unknown as CopyShape,
    );

  it.each([
    [3, 4, 5],
    [2, 16, 17],
    [1, 3, 3],
    [2, 5, 4],
    [2, 9, 1],
    [2, 1, 9],
    [1, 20, 512], // rows of y that meet in few sets of the cache
  ])('copyStrided transposes, and copies rows and single numbers: %i of %i by %i', (p, n, m) => {
    const x = draw(p, m, n);
    const { data: expected } = reference.permute(x, [0, 2, 1]);
    kernelCase({
      inputs: { x: x.data },
      outputs: { y: { expected } },
      range: { total: p, step: 1 },
      structs: { shape: shapeOf([p, n, m], [n * m, m, 1], [n * m, 1, n]) },
      call: (k, { y, x, shape }, from, to) => k.copyStrided(y, x, shape, from, to),
    });
    kernelCase({
      inputs: { x: x.data },
      outputs: { y: { expected: x.data } },
      range: { total: p, step: 1 },
      structs: { shape: shapeOf([p, m, n], [n * m, n, 1], [n * m, n, 1]) },
      call: (k, { y, x, shape }, from, to) => k.copyStrided(y, x, shape, from, to),
    });
    kernelCase({
      inputs: { x: x.data },
      outputs: { y: { expected } },
      range: { total: p, step: 1 },
      structs: { shape: shapeOf([p, m, n], [n * m, 1, m], [n * m, n, 1]) },
      call: (k, { y, x, shape }, from, to) => k.copyStrided(y, x, shape, from, to),
    });
  });

  it.each([1, 3, 4, 5, 16, 17, 37])('fillWith, %i long', (n) => {
    kernelCase({
      outputs: { y: { expected: Array(n).fill(-2.5) } },
      range: n,
      call: (k, { y }, from, to) => k.fillWith(y, -2.5, from, to),
    });
  });
});
