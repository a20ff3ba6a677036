import { describe, expect, it } from 'vitest';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';

describe('cross products', () => {
  for (const c of [4, 8, 12, 20]) {
    it(`adds Σ x·xᵀ of ${c} columns in float64, above the diagonal and in its tiles`, () => {
      const random = new TestRandom(c);
      for (const n of [1, 2, 5, 33]) {
        const x = random.normals(n * c, 0, 1e3);
        const start = Float64Array.from(random.normals(c * c));
        const expected = start.map((first, at) => {
          const [i, j] = [Math.floor(at / c), at % c];
          if (j < (i & ~3)) return first;
          let sum = 0;
          for (let r = 0; r < n; r++) sum += x[r * c + i]! * x[r * c + j]!;
          return first + sum;
        });
        kernelCase({
          inputs: { x },
          updates: { sums: { start, expected, rtol: 1e-15 } }, // the same order of terms
          range: { total: c, step: 4 },
          call: (k, { sums, x }, from, to) => k.crossProducts(sums, x, n, c, from, to),
        });
      }
    });
  }

  it('keeps what float32 sums would lose', () => {
    const n = 1000;
    const x = Float32Array.from({ length: n * 4 }, (_, i) => (i % 4 === 0 ? 1 : 4097));
    const { values } = kernelCase({
      inputs: { x },
      updates: { sums: { start: new Float64Array(16) } },
      call: (k, { sums, x }) => k.crossProducts(sums, x, n, 4, 0, 4),
    });
    const expected = [n, 4097e3, 4097e3, 4097e3, 4097e3, 4097 * 4097e3];
    expect([...values.sums.slice(0, 6)]).toEqual(expected);
  });
});
