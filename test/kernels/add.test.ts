import { describe, it } from 'vitest';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';

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
