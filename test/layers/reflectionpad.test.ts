import { expect, it } from 'vitest';
import { ReflectionPad2d, type Sides, Tensor } from '../../src/index.ts';
import { expectClose } from '../support/close.ts';
import { TestRandom } from '../support/random.ts';

it('ReflectionPad2d mirrors planes, and adds the gradients of the images of a pixel', () => {
  const cases: [shape: [number, number, number, number], padding: number | Sides][] = [
    [[2, 3, 4, 5], 1],
    [[1, 2, 4, 4], 3],
    [
      [2, 1, 3, 6],
      [5, 0, 2, 1],
    ],
    [
      [1, 1, 1, 2],
      [0, 1, 0, 0],
    ],
    [[1, 1, 2, 2], 0],
  ];
  for (const [[n, c, h, w], padding] of cases) {
    const [left, right, top, bottom] =
      typeof padding === 'number' ? Array(4).fill(padding) : padding;
    const [height, width] = [h + top + bottom, w + left + right];
    const mirror = (i: number, length: number) =>
      i < 0 ? -i : i >= length ? 2 * length - 2 - i : i;
    const x = new TestRandom(h).normals(n * c * h * w);
    const dy = new TestRandom(w).normals(n * c * height * width);
    const [y, dx] = [new Float32Array(dy.length), new Float64Array(x.length)];
    for (let i = 0; i < y.length; i++) {
      const plane = Math.floor(i / (height * width));
      const row = mirror((Math.floor(i / width) % height) - top, h);
      const from = (plane * h + row) * w + mirror((i % width) - left, w);
      y[i] = x[from]!;
      dx[from]! += dy[i]!;
    }
    using layer = new ReflectionPad2d(padding);
    const got = layer.forward({ data: x, shape: [n, c, h, w] });
    expect(got.shape).toEqual([n, c, height, width]);
    expect(got.toArray()).toEqual(y);
    const slope = layer.backward({ data: dy, shape: got.shape }).toArray();
    expectClose(slope, dx, { scaled: 1e-6, atol: 1e-6 }, 'dx');
  }
});

it('ReflectionPad2d says what is wrong', () => {
  expect(() => new ReflectionPad2d(-1)).toThrow(RangeError);
  expect(() => new ReflectionPad2d([1, 2] as never)).toThrow(TypeError);
  expect(() => new ReflectionPad2d(2).forward(Tensor.zeros([1, 1, 2, 5]))).toThrow(
    new RangeError(
      "ReflectionPad2d(2): input expected [N, C, H, W], larger than each side's padding, got [1, 1, 2, 5]",
    ),
  );
});
