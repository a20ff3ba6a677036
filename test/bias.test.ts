import { describe, expect, it } from 'vitest';
import { expectClose } from './support/close.ts';
import { Arena } from './support/kernels.ts';
import { TestRandom } from './support/random.ts';

// Sums of a few hundred N(0, 1) numbers in float32: some 16 in size, off by a few units of 2⁻²⁰.
const TOLERANCE = { rtol: 1e-6, atol: 5e-6 };

describe('bias of rows', () => {
  for (const n of [1, 3, 4, 5, 15, 16, 17, 33]) {
    it(`adds b to each row and sums columns, n = ${n}`, () => {
      const random = new TestRandom(n);
      for (const rows of [1, 7, 31, 32, 33, 257]) {
        const arena = new Arena();
        const values = random.normals(rows * n);
        const y = arena.f32(values);
        const b = arena.f32(random.normals(n));
        arena.kernels.biasForward(y.ptr, b.ptr, n, 0, rows);
        const sums = Float32Array.from(values, (v, i) => v + b.f32[i % n]!);
        expectClose(y.f32, sums, { rtol: 0 }, 'y');

        const start = random.normals(n);
        const db = arena.f32(start);
        arena.kernels.biasBackward(db.ptr, y.ptr, rows, n, 0, n);
        const totals = Float64Array.from(start);
        y.f32.forEach((v, i) => {
          totals[i % n]! += v;
        });
        expectClose(db.f32, totals, TOLERANCE, 'db');
        arena.checkCanaries();
      }
    });
  }

  it('a column has the same bits in a vector of 16, of 4 and in the tail', () => {
    const random = new TestRandom(1);
    const [rows, n] = [300, 39];
    const column = random.normals(rows);
    const arena = new Arena();
    const dy = arena.f32(Float32Array.from({ length: rows * n }, (_, i) => column[(i / n) | 0]!));
    const db = arena.f32(n);
    arena.kernels.biasBackward(db.ptr, dy.ptr, rows, n, 0, 16);
    arena.kernels.biasBackward(db.ptr, dy.ptr, rows, n, 16, n);
    expect(new Set(db.f32).size).toBe(1);
    arena.checkCanaries();
  });
});

describe('bias of channels', () => {
  for (const plane of [1, 3, 4, 5, 17, 1023, 1024, 1030]) {
    it(`adds b to each plane and sums planes of ${plane}`, () => {
      const random = new TestRandom(plane);
      const [n, channels] = [3, 5];
      const arena = new Arena();
      const values = random.normals(n * channels * plane);
      const y = arena.f32(values);
      const b = arena.f32(random.normals(channels));
      const channelOf = (i: number) => Math.floor(i / plane) % channels;
      arena.kernels.channelBiasForward(y.ptr, b.ptr, channels, plane, 0, 1, n);
      const sums = Float32Array.from(values, (v, i) =>
        i < channels * plane ? v : v + b.f32[channelOf(i)]!,
      );
      expectClose(y.f32, sums, { rtol: 0 }, 'y');

      const start = random.normals(channels);
      const db = arena.f32(start);
      arena.kernels.channelBiasBackward(db.ptr, y.ptr, n, channels, plane, 1, channels);
      const totals = Float64Array.from(start);
      y.f32.forEach((v, i) => {
        if (channelOf(i) > 0) totals[channelOf(i)]! += v;
      });
      expectClose(db.f32, totals, TOLERANCE, 'db');
      arena.checkCanaries();
    });
  }
});
