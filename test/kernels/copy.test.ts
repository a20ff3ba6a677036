import { describe, expect, it } from 'vitest';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';

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
