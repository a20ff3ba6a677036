import { describe, it } from 'vitest';
import { expectClose } from './support/close.ts';
import { Arena } from './support/kernels.ts';
import { TestRandom } from './support/random.ts';

describe('bias kernels', () => {
  for (const n of [1, 3, 4, 5, 16, 33]) {
    it(`adds b to each row and sums columns, n = ${n}`, () => {
      const random = new TestRandom(n);
      const arena = new Arena();
      const rows = 7;
      const values = random.normals(rows * n);
      const y = arena.f32(values);
      const b = arena.f32(random.normals(n));
      arena.kernels.biasForward(y.ptr, b.ptr, n, 0, rows);
      expectClose(
        y.f32,
        Float32Array.from(values, (v, i) => v + b.f32[i % n]!),
        { rtol: 0 },
        'y',
      );

      const start = random.normals(n);
      const db = arena.f32(start);
      arena.kernels.biasBackward(db.ptr, y.ptr, rows, n, 0, n);
      const sums = Float64Array.from(start);
      y.f32.forEach((v, i) => {
        sums[i % n]! += v;
      });
      expectClose(db.f32, sums, { rtol: 1e-6, atol: 1e-6 }, 'db');
      arena.checkCanaries();
    });
  }
});
