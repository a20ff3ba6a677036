import { describe, expect, it } from 'vitest';
import { kernelCase } from './support/kernelcase.ts';
import { TestRandom } from './support/random.ts';

describe('sums of two arrays', () => {
  for (const n of [1, 3, 4, 5, 15, 16, 17, 203]) {
    it(`of ${n} elements, clamped or not, in pieces and over either one`, () => {
      const random = new TestRandom(n);
      const [a, b] = [random.normals(n), random.normals(n)];
      for (const relu of [false, true]) {
        const expected = a.map((v, i) => (relu ? Math.max(v + b[i]!, 0) : v + b[i]!));
        kernelCase({
          inputs: { a, b },
          outputs: { y: { expected } },
          range: n,
          inPlace: { y: ['a', 'b'] },
          call: (k, { y, a, b }, from, to) => k.addForward(y, a, b, relu ? 1 : 0, from, to),
        });
      }
    });
  }

  it('pass NaN and infinities, clamped or not', () => {
    const a = [NaN, Infinity, -Infinity, 1, Infinity];
    const b = [1, 1, 1, NaN, -Infinity];
    for (const relu of [0, 1]) {
      kernelCase({
        inputs: { a, b },
        outputs: { y: { expected: [NaN, Infinity, relu ? 0 : -Infinity, NaN, NaN] } },
        call: (k, { y, a, b }) => k.addForward(y, a, b, relu, 0, 5),
      });
    }
  });
});

describe('copies of rows', () => {
  it.each([
    [1, 1, 1, 1],
    [1, 17, 17, 17],
    [3, 5, 9, 5],
    [4, 3, 3, 8],
    [5, 16, 20, 31],
  ])('%i rows of %i, %i apart in y and %i apart in x', (rows, width, yStride, xStride) => {
    const x = new TestRandom(width).normals(rows * xStride);
    const between = (i: number) => i % yStride >= width;
    const { values } = kernelCase({
      inputs: { x },
      outputs: { y: { length: rows * yStride, untouched: between } },
      call: (k, { y, x }) => k.copyRows(y, x, rows, width, yStride, xStride),
    });
    for (let r = 0; r < rows; r++) {
      const row = Array.from(values.y).slice(r * yStride, r * yStride + width);
      expect(row).toEqual([...x.subarray(r * xStride, r * xStride + width)]);
    }
  });
});
