import { describe, expect, it } from 'vitest';
import { unit, words } from './reference/random.ts';
import { Arena } from './support/kernels.ts';
import { TestRandom } from './support/random.ts';

const SIZES = [1, 3, 4, 5, 15, 16, 17, 33, 131];

describe('dropout kernels', () => {
  for (const p of [0, 0.1, 0.5, 0.9, 1]) {
    const threshold = Math.fround(p);
    const scale = p === 1 ? 0 : Math.fround(1 / (1 - p));
    const mask = (n: number) =>
      Array.from(words(n, 8, 3), (w) => (unit(w) >= threshold ? scale : 0));

    it(`y = x·mask, in and out of place, p = ${p}`, () => {
      for (const n of SIZES) {
        const arena = new Arena();
        const values = new TestRandom(n).normals(n);
        const x = arena.f32(values);
        const y = arena.f32(n);
        const scratch = arena.i32(16);
        arena.kernels.dropout(y.ptr, x.ptr, p, scale, 8, 3, 0, n, scratch.ptr);
        const expected = mask(n).map((m, i) => Math.fround(values[i]! * m));
        expect(Array.from(y.f32)).toEqual(expected);
        expect(x.f32).toEqual(values);

        const cut = n & ~15;
        arena.kernels.dropout(x.ptr, x.ptr, p, scale, 8, 3, cut, n, scratch.ptr);
        arena.kernels.dropout(x.ptr, x.ptr, p, scale, 8, 3, 0, cut, scratch.ptr);
        expect(x.f32).toEqual(y.f32);
        arena.checkCanaries();
      }
    });

    it(`whole rows, p = ${p}`, () => {
      for (const n of [1, 3, 4, 5, 9]) {
        for (const rows of [1, 5, 16, 19]) {
          const arena = new Arena();
          const values = new TestRandom(n).normals(rows * n);
          const x = arena.f32(values);
          const y = arena.f32(rows * n);
          const scratch = arena.i32(16);
          const cut = rows & ~15;
          arena.kernels.dropoutRows(y.ptr, x.ptr, n, p, scale, 8, 3, cut, rows, scratch.ptr);
          arena.kernels.dropoutRows(y.ptr, x.ptr, n, p, scale, 8, 3, 0, cut, scratch.ptr);
          const m = mask(rows);
          const expected = Array.from(values, (v, i) => Math.fround(v * m[Math.floor(i / n)]!));
          expect(Array.from(y.f32)).toEqual(expected);
          arena.checkCanaries();
        }
      }
    });
  }

  it('keeps the share 1 − p, and NaN', () => {
    const n = 100_000;
    const arena = new Arena();
    const x = arena.f32(new Float32Array(n).fill(1));
    x.f32[5] = NaN;
    arena.kernels.dropout(x.ptr, x.ptr, 0.3, 1 / 0.7, 1, 0, 0, n, arena.i32(16).ptr);
    const kept = x.f32.reduce((count, v) => count + (v !== 0 ? 1 : 0), 0);
    expect(Math.abs(kept / n - 0.7)).toBeLessThan(5 * Math.sqrt((0.3 * 0.7) / n));
    expect(x.f32[5]).toBeNaN();
  });
});
