import { describe, expect, it } from 'vitest';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';

// Sums of a few hundred N(0, 1) numbers in float32: some 16 in size, off by a few units of 2⁻²⁰.
const TOLERANCE = { rtol: 1e-6, atol: 5e-6 };

describe('bias of rows', () => {
  for (const n of [1, 3, 4, 5, 15, 16, 17, 33]) {
    it(`adds b to each row and sums columns, n = ${n}`, () => {
      const random = new TestRandom(n);
      for (const rows of [1, 7, 31, 32, 33, 257]) {
        const start = random.normals(rows * n);
        const b = random.normals(n);
        const sums = Float32Array.from(start, (v, i) => v + b[i % n]!);
        kernelCase({
          inputs: { b },
          updates: { y: { start, expected: sums } },
          range: rows,
          call: (k, { y, b }, from, to) => k.biasForward(y, b, n, from, to),
        });

        const first = random.normals(n);
        const totals = Float64Array.from(first);
        sums.forEach((v, i) => {
          totals[i % n]! += v;
        });
        kernelCase({
          inputs: { dy: sums },
          updates: { db: { start: first, expected: totals, ...TOLERANCE } },
          range: n,
          call: (k, { db, dy }, from, to) => k.biasBackward(db, dy, rows, n, from, to),
        });
      }
    });
  }

  it('a column has the same bits in a vector of 16, of 4 and in the tail', () => {
    const random = new TestRandom(1);
    const [rows, n] = [300, 39];
    const column = random.normals(rows);
    const dy = Float32Array.from({ length: rows * n }, (_, i) => column[(i / n) | 0]!);
    const { values } = kernelCase({
      inputs: { dy },
      updates: { db: { start: new Float32Array(n) } },
      range: n,
      call: (k, { db, dy }, from, to) => k.biasBackward(db, dy, rows, n, from, to),
    });
    expect(new Set(values.db).size).toBe(1);
  });
});

describe('bias of channels', () => {
  for (const plane of [1, 3, 4, 5, 17, 1023, 1024, 1030]) {
    it(`adds b to each plane and sums planes of ${plane}`, () => {
      const random = new TestRandom(plane);
      const [n, channels] = [3, 5];
      const start = random.normals(n * channels * plane);
      const b = random.normals(channels);
      const channelOf = (i: number) => Math.floor(i / plane) % channels;
      for (const relu of [false, true]) {
        const sums = Float32Array.from(start, (v, i) => {
          const sum = v + b[channelOf(i)]!;
          return relu ? Math.max(sum, 0) : sum;
        });
        kernelCase({
          inputs: { b },
          updates: { y: { start, expected: sums } },
          range: { total: n, step: 1 },
          call: (k, { y, b }, from, to) =>
            k.channelBiasForward(y, b, channels, plane, relu ? 1 : 0, from, to),
        });
      }

      const biased = start.map((v, i) => v + b[channelOf(i)]!);
      const first = random.normals(channels);
      const totals = Float64Array.from(first);
      biased.forEach((v, i) => {
        totals[channelOf(i)]! += v;
      });
      kernelCase({
        inputs: { dy: biased },
        updates: { db: { start: first, expected: totals, ...TOLERANCE } },
        range: { total: channels, step: 1 },
        call: (k, { db, dy }, from, to) =>
          k.channelBiasBackward(db, dy, n, channels, plane, from, to),
      });
    });
  }
});
