import { expect, it } from 'vitest';
import { PixelShuffle, Tensor } from '../../src/index.ts';
import { TestRandom } from '../support/random.ts';

it('PixelShuffle puts channel c·r² + i·r + j at pixel (h·r + i, w·r + j), and its gradient back', () => {
  for (const [n, c, h, w, r] of [
    [2, 3, 4, 5, 2],
    [1, 1, 2, 3, 3],
    [2, 2, 3, 1, 1],
  ] as const) {
    const x = new TestRandom(r).normals(n * c * r * r * h * w);
    const y = new Float32Array(x.length);
    const from = new Int32Array(x.length);
    for (let i = 0; i < y.length; i++) {
      const [column, row] = [i % (w * r), Math.floor(i / (w * r)) % (h * r)];
      const plane = Math.floor(i / (w * r * h * r));
      const channel = plane * r * r + (row % r) * r + (column % r);
      from[i] = (channel * h + Math.floor(row / r)) * w + Math.floor(column / r);
      y[i] = x[from[i]!]!;
    }
    using layer = new PixelShuffle(r);
    const got = layer.forward({ data: x, shape: [n, c * r * r, h, w] });
    expect(got.shape).toEqual([n, c, h * r, w * r]);
    expect(got.toArray()).toEqual(y);
    const dy = new TestRandom(9).normals(x.length);
    const dx = new Float32Array(x.length);
    for (const [i, place] of from.entries()) dx[place] = dy[i]!;
    expect(layer.backward({ data: dy, shape: got.shape }).toArray()).toEqual(dx);
  }
});

it('PixelShuffle says what is wrong', () => {
  expect(() => new PixelShuffle(0)).toThrow(RangeError);
  expect(() => new PixelShuffle(2).forward(Tensor.zeros([1, 6, 2, 2]))).toThrow(
    new RangeError('PixelShuffle(2): input expected [N, C·4, H, W], got [1, 6, 2, 2]'),
  );
});
