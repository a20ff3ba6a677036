import { describe, expect, it } from 'vitest';
import { expectClose } from './support/close.ts';
import { Arena } from './support/kernels.ts';
import { TestRandom } from './support/random.ts';

describe('cross products', () => {
  for (const c of [4, 8, 12, 20]) {
    it(`adds Σ x·xᵀ of ${c} columns in float64, above the diagonal and in its tiles`, () => {
      const random = new TestRandom(c);
      for (const n of [1, 2, 5, 33]) {
        const arena = new Arena();
        const values = random.normals(n * c, 0, 1e3);
        const x = arena.f32(values, n % 4);
        const start = Float64Array.from(random.normals(c * c));
        const whole = arena.f64(c * c);
        const cut = arena.f64(c * c);
        for (const sums of [whole, cut]) sums.f64.set(start);
        arena.kernels.crossProducts(whole.ptr, x.ptr, n, c, 0, c);
        arena.kernels.crossProducts(cut.ptr, x.ptr, n, c, 0, 4);
        arena.kernels.crossProducts(cut.ptr, x.ptr, n, c, 4, c);
        const expected = start.map((first, at) => {
          const [i, j] = [Math.floor(at / c), at % c];
          if (j < (i & ~3)) return first;
          let sum = 0;
          for (let r = 0; r < n; r++) sum += values[r * c + i]! * values[r * c + j]!;
          return first + sum;
        });
        expectClose(whole.f64, expected, { rtol: 1e-15 }); // the same order of terms
        expect(cut.f64).toEqual(whole.f64);
        arena.checkCanaries();
      }
    });
  }

  it('keeps what float32 sums would lose', () => {
    const arena = new Arena();
    const n = 1000;
    const x = arena.f32(Float32Array.from({ length: n * 4 }, (_, i) => (i % 4 === 0 ? 1 : 4097)));
    const sums = arena.f64(16);
    arena.kernels.crossProducts(sums.ptr, x.ptr, n, 4, 0, 4);
    expect([...sums.f64.slice(0, 6)]).toEqual([n, 4097e3, 4097e3, 4097e3, 4097e3, 4097 * 4097e3]);
  });
});
